"""Objects and files that Asterisk does not load, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pjsipdiag.asterisk.config import Config, Dropped, Problem, Unread, Where
from pjsipdiag.asterisk.loading import options
from pjsipdiag.asterisk.reasons.files import OF_TABLES, FileReason
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason, ReasonKind
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.asterisk.secrets import is_secret
from pjsipdiag.diagnosis.check.written import misspelt, unfilled
from pjsipdiag.diagnosis.model import Finding, Severity

MOST_NAMED = 30
"""Objects that one line keeps from loading, and missing files, before the rest is counted."""


MOST_SHOWN = 3
"""Commands that show what Asterisk has."""


def dropped(config: Config) -> Iterator[Finding]:
    """One finding for each line that keeps objects from loading; a line of a template can keep many."""
    groups: dict[tuple[str, Reason, Where], list[Dropped]] = {}
    written = (variable for section in config.sections for variable in section.variables)
    lines = {variable.where: variable.value for variable in written if not is_secret(variable.name)}
    for drop in config.dropped:
        groups.setdefault((drop.type, drop.why, drop.where), []).append(drop)
    for (kind, reason, where), drops in groups.items():
        used = kind in ("identify", "endpoint", "transport", "global", "acl", "auth", "aor")
        names = list(dict.fromkeys(drop.name for drop in drops))
        shown = ", ".join(f"'{name}'" for name in names[:MOST_NAMED])
        if names[MOST_NAMED:]:
            shown += f" and {len(names) - MOST_NAMED} more"
        yield Finding(
            "not-loaded",
            Severity.ERROR if used else Severity.WARNING,
            f"{kind} {shown} {'do' if names[1:] else 'does'} not load: {reason}",
            where,
            evidence=(*unfilled(lines.get(where, "")), *other_releases(kind, reason), *_logged(drops[0].log)),
            advice="Correct the line, then `module reload res_pjsip.so`; a running Asterisk keeps what it had.",
        )
    yield from misspelt(config)


def other_releases(object_type: str, reason: Reason) -> tuple[str, ...]:
    """Where an option that this release lacks is known."""
    option = reason["option"] if reason.kind is LoadReason.NO_OPTION else ""
    first = options.first_releases(object_type, option) if option else ()
    plain = [release for release in first if not release.startswith("certified")]
    named = " and ".join([part for part in (", ".join(plain[:-1]), *plain[-1:]) if part])
    return (f"Asterisk {named} and later releases of each line have {option}=",) if plain else ()


def rejected(config: Config) -> Iterator[Finding]:
    """One finding for each file that is refused as a whole."""
    for problem in config.rejected:
        yield Finding(
            "file-rejected",
            Severity.ERROR,
            f"{problem.where.file} is rejected as a whole: {problem.reason}; nothing in it loads",
            problem.where,
            evidence=(*_logged(problem.log), *not_there(config, problem)),
            advice=BRING
            if is_missing(config, problem)
            else "Correct the line, then `module reload res_pjsip.so` (transports: restart).",
        )


def absent(config: Config) -> Iterator[Finding]:
    """Modules that are not loaded, and what is then not there."""
    for one in config.absent:
        yield Finding(
            "module-not-loaded",
            Severity.ERROR if one.used else Severity.NOTE,
            one.reason,
            one.where,
            evidence=_logged(one.log),
            advice="Correct the line, then restart Asterisk; `module show like pjsip` tells what is loaded.",
        )


BRING = (
    "If these files are a copy, bring the missing ones along. If the machine itself lacks them, create them there: an "
    "empty file will do."
)


def is_missing(config: Config, problem: Problem) -> bool:
    """Whether a file is rejected because of an include that leads nowhere."""
    return any((one.where.file, one.where.line) == (problem.where.file, problem.where.line) for one in config.missing)


def not_there(config: Config, problem: Problem) -> tuple[str, ...]:
    """All that is missing, where one of these files is why another is rejected."""
    return (f"not among the files: {missing(config)}",) if is_missing(config, problem) else ()


def missing(config: Config) -> str:
    """The includes that lead nowhere, each with its line."""
    names = [f"{one.why['file']} ({one.where})" for one in config.missing]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def incomplete(config: Config) -> Iterator[Finding]:
    """A copy that lacks files which others include, or the access lists that endpoints name."""
    yield from (one for one in (copy_lacks(config), lists_missing(config)) if one is not None)


def copy_lacks(config: Config) -> Finding | None:
    """The included files that the copy lacks, or that lie where nothing is read."""
    if not config.missing or not (
        config.partial or any(one.why.kind is FileReason.NOT_AMONG for one in config.missing)
    ):
        return None
    files = len({one.why for one in config.missing})
    return Finding(
        "incomplete-copy",
        Severity.ERROR if config.partial else Severity.WARNING,
        f"the copy of the configuration is incomplete: {files} included {'file is' if files == 1 else 'files are'} "
        f"missing here: {missing(config)}",
        config.missing[0].where,
        evidence=("what they hold is not known: identifies and settings in them may change what follows",),
        advice=COPY_ALL,
    )


COPY_ALL = (
    "Bring them along: copy the whole directory, links followed (tar -chzf etc.tgz -C /etc asterisk), and what lies "
    "elsewhere with --include-from. The includes are right as they are."
)


def lists_missing(config: Config) -> Finding | None:
    """The first endpoint that names an access list, without an acl.conf, and how many more do."""
    found = [] if config.has_acls else [list_missing(config, name) for name in config.endpoints]
    naming = [one for one in found if one is not None]
    if len(naming) < 2:
        return naming[0] if naming else None
    more = "one more endpoint does" if len(naming) == 2 else f"{len(naming) - 1:,} more endpoints do"
    return replace(naming[0], evidence=(f"{more} so, too",))


def list_missing(config: Config, name: str) -> Finding | None:
    """An endpoint that names an access list, without an acl.conf."""
    endpoint = config.endpoints[name]
    named = (one for kind in ("acl", "contact_acl") for one in reversed(endpoint.options.get(kind, ())) if one.value)
    option = next(named, None)  # an empty one takes nothing back
    if option is None:
        return None
    return Finding(
        "incomplete-copy",
        Severity.NOTE,
        f"{option.name}={option.value} of endpoint '{endpoint.name}' ({option.where}) names an access list, and "
        "acl.conf is not among the files: whom it denies is not known",
        option.where,
        advice="Bring acl.conf along. If the machine itself has none, every named list lets everybody pass.",
    )


def dialplan_lacks(config: Config) -> Iterator[Finding]:
    """Files that extensions.conf includes and that are not there."""
    dialplan = config.dialplan()
    gone = [one for one in dialplan.unknown if one.why.kind is FileReason.FILE_IS_MISSING] if dialplan else []
    if gone:
        names = ", ".join(f"{one.why['file']} ({one.where})" for one in gone[:MOST_NAMED])
        more = f" and {len(gone) - MOST_NAMED} more" if gone[MOST_NAMED:] else ""
        yield Finding(
            "incomplete-copy",
            Severity.NOTE,
            f"the copy of the dialplan is incomplete, so what it does with a number is not known: {names}{more}"
            f" {'is' if len(gone) == 1 else 'are'} missing here",
            gone[0].where,
            advice=COPY_ALL,
        )


def _loader(reason: Reason) -> str:
    """What loads an object that is loaded otherwise than written."""
    kind, option = str(reason.get("type") or reason.get("what") or ""), reason.get("option")
    if reason.kind is LoadReason.OTHER_ACL:
        return "`module reload acl`"
    if (
        reason.kind is LoadReason.OTHER_ORDER
        or option == "endpoint_identifier_order"
        or (kind.startswith("transport") and reason.kind is not LoadReason.NOT_RELOADED)
    ):
        return "A restart of Asterisk"
    return "`module reload res_pjsip.so`"


def otherwise(config: Config) -> Iterator[Finding]:
    """Objects that the running Asterisk holds otherwise than the files have them."""
    for problem in config.otherwise:
        yield Finding(
            "loaded-otherwise",
            Severity.WARNING,
            problem.reason,
            problem.where if problem.where.file else None,
            advice=f"{_loader(problem.why)} loads what stands in the files now.",
        )


def unread(config: Config) -> Iterator[Finding]:
    """Tables, memory and files that were not read: what hangs on them is unknown. One finding for each of them."""
    for held in stores(config):
        types = ", ".join(one.type for one in held)
        places = ", ".join(dict.fromkeys(one.place for one in held))
        shown = ", ".join(
            f"`asterisk -rx '{one}'`" for one in list(dict.fromkeys(one.shown for one in held))[:MOST_SHOWN]
        )
        yield Finding(
            "table-not-read",
            Severity.WARNING,
            f"{types} objects come (also) from {held[0].store}: what hangs on them is unknown",
            held[0].where,
            evidence=(f"{shown} {'show' if ',' in shown else 'shows'} what Asterisk has",),
            advice=f"{held[0].give}: until then none can be called missing. What is missing is written {places},"
            " nowhere else",
        )


def stores(config: Config) -> Iterable[Sequence[Unread]]:
    """What was not read, by what holds it."""
    found: dict[str, list[Unread]] = {}
    for one in (one for one in config.unread if one.source in ("table", "store")):
        found.setdefault(one.store, []).append(one)
    return found.values()


def programs(config: Config) -> Iterator[Finding]:
    """Lines that have a program write the configuration: what hangs on its output is unknown."""
    for where, text in dict.fromkeys((one.where, str(one)) for one in config.unread if one.source == "program"):
        yield Finding(
            "program-not-run",
            Severity.WARNING,
            text,
            where,
            advice="Run the program on the machine, put what it prints in the place of the line in a copy of the "
            "files, and give that copy.",
        )


def tables(config: Config) -> Iterator[Finding]:
    """Rows and mappings of tables that do not do what they look like."""
    for problem in config.warnings:
        advice = OF_TABLES.get(problem.why.kind)
        if advice is not None:
            yield Finding(
                "table-pitfall",
                Severity.NOTE if problem.why.kind is FileReason.CACHE_HOLDS_NOTHING else Severity.WARNING,
                f"{problem.where}: {problem.reason}",
                problem.where,
                advice=f"{advice[0].upper()}{advice[1:]}.",
            )


_ONLY_IF: dict[ReasonKind, str] = {
    ValueReason.FILE_NOT_KNOWN: "{file} can be read",
    ValueReason.CIPHERS_NOT_KNOWN: "OpenSSL knows its ciphers",
    ValueReason.BIND_IS_A_NAME: "the host {host} resolves",
}
"""What an object needs of Asterisk's machine to load, which files alone cannot tell."""


def conditions(config: Config) -> tuple[str, ...]:
    """What sections need of Asterisk's machine to load, one sentence for each."""
    needs: dict[tuple[str, str], list[Problem]] = {}
    for problem in config.warnings:
        if problem.why.kind in _ONLY_IF:
            needs.setdefault((problem.where.file, problem.where.section), []).append(problem)
    said = []
    for (_, section), problems in needs.items():
        parts = dict.fromkeys(_ONLY_IF[one.why.kind].format(**dict(one.why.fields)) for one in problems)
        said.append(f"not seen: [{section}] ({problems[0].where}) loads only if {' and '.join(parts)}")
    more = (f"not seen: so it is with {len(said) - MOST_NAMED} more sections",) if said[MOST_NAMED:] else ()
    return (*said[:MOST_NAMED], *more)


def silent(config: Config) -> Iterator[Finding]:
    """That nothing listens, where no other finding says why."""
    explained = config.rejected or config.missing or any(one.ends for one in config.absent)
    explained = explained or any(one.type == "transport" for one in config.dropped)
    if config.listeners or explained or {"transport", ""} & config.elsewhere or "transport" in config.untold:
        return
    sockets = [f"sip.conf has chan_sip listen on {one.bind or 'every address'}:{one.port}" for one in config.chan_sip]
    yield Finding(
        "wrong-transport",
        Severity.NOTE if sockets else Severity.WARNING,
        "no transport is defined: PJSIP listens nowhere, and no call reaches it",
        Where(config.files[0], 1) if config.files else None,
        evidence=tuple(sockets),
        advice="Add a section with type=transport, protocol= and bind=, then restart Asterisk.",
    )


def warnings(config: Config) -> Iterator[Finding]:
    """Lines that Asterisk passes over with a warning."""
    for problem in config.warnings:
        if problem.why.kind in OF_TABLES or problem.why.kind in _ONLY_IF:
            continue
        yield Finding(
            "line-ignored",
            Severity.NOTE,
            f"{problem.where}: {problem.reason}",
            problem.where,
            evidence=_logged(problem.log),
            advice="see that your release has the option: one that lacks it drops the object"
            if problem.why.kind is LoadReason.NOT_YET_KNOWN
            else "correct the line, or take it out: Asterisk goes on as if it were not there",
        )


def _logged(log: str) -> tuple[str, ...]:
    return tuple(f"Asterisk logs: {line}" for line in log.split("\n") if line)
