"""A report that can be posted: every text of it with stand-ins, every verdict as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import PurePath
from typing import Any, overload

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.reasons.reason import Reason, quote_words
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.releases import instead, nearest
from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.asterisk.verdict import Check, Verdict
from pjsipdiag.diagnosis.evidence import quoted
from pjsipdiag.diagnosis.model import Report
from pjsipdiag.diagnosis.traffic import CallRow, SourceRow
from pjsipdiag.redact.address_map import address_map
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.identify_names import ordered_names
from pjsipdiag.redact.mapping_lines import learn_mapping
from pjsipdiag.redact.messages.protocol_words import PROTOCOL
from pjsipdiag.redact.messages.sip_message import MessageRedactor
from pjsipdiag.redact.option_values import OptionRedactor
from pjsipdiag.redact.own import is_own
from pjsipdiag.sip import parse_uri

_QUOTED_LINE = re.compile(
    r"what #exec (.*) writes is not known|Unknown directive '(.*)' at line|It begins with: (.*)\.\.\."
)
"""Findings that quote a line of a file as it stands."""
_MISSING_SECTION = re.compile(r"category '(.*)' does not exist")
"""Asterisk's line about a section that another is to be made of: it is in no file."""

NOT_WALKED = ("calls", "config", "quotations", "asterisk_version", "asterisk_reason", "transcripts")
"""The fields of a report that are not texts and data that can be walked."""

_SENT: Mapping[str, Callable[[Disguise, str], str]] = {
    "user": Disguise.user,
    "header": Disguise.header,
    "host": Disguise.host,
    "domain": Disguise.host,
    "scheme": Disguise.scheme,
    "line": lambda disguise, line: disguise.opaque("line", line) if line != "line" else line,
}
"""The fields of a reason that may hold words of a request."""


def redact_report(report: Report) -> Report:
    """`report` with stand-ins for numbers, names, addresses, hosts and Call-IDs; the same report gives the same one."""
    disguise = _disguise(report)
    redactor = _Redactor(disguise)
    # Everything that sentences may quote is learned before the first sentence is redacted: a word that is learned later
    # would stay in the sentences before it.
    for agent in dict.fromkeys(agent for source in report.sources for agent in source.user_agents):
        disguise.learn(agent, redactor.messages.agent(agent))
    for variable in dict.fromkeys(v for s in (report.config.sections if report.config else ()) for v in s.variables):
        _know(variable, redactor)
    for text in (text for finding in report.findings for text in (finding.message, *finding.evidence)):
        for line in filter(None, (part for found in _QUOTED_LINE.finditer(text) for part in found.groups())):
            disguise.learn(line, disguise.opaque("line", line))
        for found in _MISSING_SECTION.finditer(text):
            disguise.section(found[1])
    unread = report.config.unread_objects if report.config else ()
    for database, table in dict.fromkeys((one.database, one.table) for one in unread if one.database):
        learn_mapping(database, table, disguise)
    for kind, text in report.quotations():
        if not is_own(text) and not (kind == quoted.WORD and text.lower() in PROTOCOL):
            disguise.learn(text, _stand(redactor, kind, text))
    for request in report.requests:
        disguise.learn(request.method, redactor.messages.method(request.method))
    calls = _Calls(report.calls, redactor)
    changed = {
        field.name: redactor.value(getattr(report, field.name))
        for field in fields(report)
        if field.name not in NOT_WALKED
    }
    reason, config = _reason(report), _config(report.config, redactor)
    bare = replace(report, quotations=tuple, transcripts=None)
    return replace(bare, **changed, calls=calls, config=config, asterisk_reason=reason)


def _reason(report: Report) -> str:
    """How the release was chosen. What a sender calls his release may be a name, a number or an address: only the names
    of releases that exist are kept."""
    if all(nearest(name) is not None and not instead(name) for name in report.asterisk_names):
        return report.asterisk_reason
    return f"a release that is not known; {report.asterisk_version} is the nearest"


def _stand(redactor: _Redactor, kind: str, text: str) -> str:
    """The stand-in for words that somebody else wrote and a finding quotes; `kind` is a header, or see `quotations`."""
    messages, disguise = redactor.messages, redactor.disguise
    if kind == quoted.LINE:
        return disguise.opaque("line", text)
    if kind in (quoted.FIRST, quoted.METHOD):
        return messages.first(text) if kind == quoted.FIRST else messages.method(text)
    if kind in ("realm", "username", quoted.WORD):
        return disguise.host(text) if kind == "realm" else disguise.section(text)
    return messages.value(kind, text) or disguise.opaque("value", text)


def _know(variable: Variable, redactor: _Redactor) -> None:
    """Words of a line that findings may quote, and that are somebody's."""
    disguise, options = redactor.disguise, redactor.options
    disguise.learn(variable.name, options.option(variable.name))
    if variable.name.lower() == "type":
        disguise.learn(variable.value, options.kind(variable.value))
    elif variable.name.lower() == "match_header":
        name = variable.value.partition(":")[0].strip()
        disguise.learn(name, disguise.header(name))
    elif (stand := options.value(variable.name, variable.value)) != variable.value:
        for text in (variable.value, hide_secrets(variable.value)):
            disguise.learn(text, stand)


def _disguise(report: Report) -> Disguise:
    """Knows every address and name of the report before the first stand-in is made."""
    texts = list(
        _strings([getattr(report, f.name) for f in fields(report) if f.name not in ("calls", "config", "quotations")])
    )
    hosts: set[str] = set()
    users: dict[str, None] = {}
    for call in report.calls:
        hosts.update((call.source, call.destination))
        for text in (call.from_, call.request_uri):
            uri = parse_uri(text)
            if uri is not None:
                users.setdefault(uri.user)
                hosts.add(uri.host)
    judged = (*(call.verdict for call in report.calls), *(request.verdict for request in report.requests))
    verdicts = {id(verdict): verdict for verdict in judged if verdict is not None}
    texts += _strings(list(verdicts.values()))
    sections = report.config.sections if report.config else ()
    texts += [variable.value for section in sections for variable in section.variables]
    # Stand-ins are made in the order in which things are met, and free text is replaced by what is known by then. So
    # names that stand alone come first, as section names, patterns and users; sentences that quote them follow.
    disguise = Disguise(
        address_map((), [*texts, *sorted(hosts)]), ordered_names(report.config) if report.config else {}
    )
    for section in sections:
        disguise.section(section.name)
    for section in sections:
        for variable in section.variables:
            if variable.name.lower() in ("match_header", "match_request_uri"):
                header = variable.name.lower() == "match_header"
                disguise.compared_value((variable.value.partition(":")[2] if header else variable.value).strip())
    for where in _places([report.findings, report.suggestions, report.unconfirmed, list(verdicts.values())]):
        disguise.section(where.section)
    for verdict in verdicts.values():
        disguise.section(verdict.endpoint)
    for user in users:
        disguise.user(user)
    for check in (check for verdict in verdicts.values() for check in verdict.trace):
        _know_sent(check.why, disguise)
    return disguise


def _know_sent(why: Reason, disguise: Disguise) -> None:
    """Makes known the words of a reason that it quotes from a request, and that its sender chose."""
    for name, value in (field for reason in why.nested for field in reason.fields):
        if name in _SENT and isinstance(value, str):
            disguise.learn(value, stand := _SENT[name](disguise, value))
            disguise.learn(repr(value)[1:-1], stand)
        for host in (one.rpartition("@")[2] for one in str(value).split(" or ") if name == "names" and "@" in one):
            disguise.learn(host, disguise.host(host))


class _Redactor:
    """Walks frozen data and replaces its texts."""

    def __init__(self, disguise: Disguise) -> None:
        self.disguise = disguise
        self.messages = MessageRedactor(disguise)
        self.options = OptionRedactor(disguise, self.messages, lambda _option, value: disguise.text(value))
        self._verdicts: dict[int, tuple[Verdict, Verdict]] = {}

    def value(self, value: Any) -> Any:
        """Strings as free text; what is made of others with each part redacted."""
        # Enum before str, for a StrEnum is both: a severity is a word of the schema and must stay.
        if isinstance(value, Enum) or value is None or isinstance(value, int | float):
            return value
        if isinstance(value, str):
            return self.disguise.text(value)
        if isinstance(value, Verdict):
            return self.verdict(value)
        if isinstance(value, Where):
            return replace(value, section=self.disguise.section(value.section))
        if isinstance(value, Reason):
            return quote_words(self.disguise.text(str(value)))
        if isinstance(value, Check):
            self._compared(value.why.first)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self.field(f.name, getattr(value, f.name)) for f in fields(value)})
        if isinstance(value, CallRow | SourceRow):
            return value._replace(**{name: self.field(name, part) for name, part in value._asdict().items()})
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        return tuple(self.value(item) for item in value)

    def _compared(self, why: Reason) -> None:
        """Makes known the header's value that a check of the identifier `header` compared: it is somebody's."""
        what = why.get("what") if why.kind in (WalkReason.FITS, WalkReason.DOES_NOT_FIT) else None
        if isinstance(what, Reason) and what.kind is WalkReason.HEADER:
            self.disguise.compared_value(what["value"])

    def field(self, name: str, value: Any) -> Any:
        # Fields whose meaning is known by their name get the stand-in of that kind. As free text a caller's
        # name would stay, and a Call-ID could be taken for a host.
        if name == "call_id":
            return self.disguise.opaque("call", value)
        if name == "call_ids":
            return tuple(self.disguise.opaque("call", one) for one in value)
        if name in ("numbers", "callers") and isinstance(value, tuple):
            return tuple(map(self.disguise.user, value))
        if name in ("section", "endpoint", "identify") and "," not in value:
            return self.disguise.section(value)
        if name in ("file", "capture"):
            return PurePath(value).name if isinstance(value, str) and PurePath(value).is_absolute() else value
        if name == "user_agent":
            return self.messages.agent(value)
        if name == "user_agents":
            return tuple(map(self.messages.agent, value))
        if name == "method":
            return self.messages.method(value)
        if name == "other_methods":
            return {self.messages.method(method): count for method, count in value.items()}
        if name in ("rule", "changes", "step", "severity", "verdict") and isinstance(value, str):
            return value
        return self.value(value)

    def verdict(self, verdict: Verdict) -> Verdict:
        """One object for each verdict, so that alike calls stay alike."""
        known = self._verdicts.get(id(verdict))
        if known is None:
            known = self._verdicts[id(verdict)] = (verdict, Verdict(tuple(self.value(c) for c in verdict.trace)))
        return known[1]


class _Calls(Sequence[CallRow]):
    """Calls that get their stand-ins when they are asked for."""

    def __init__(self, calls: Sequence[CallRow], redactor: _Redactor) -> None:
        self._calls, self._redactor = calls, redactor

    def __len__(self) -> int:
        return len(self._calls)

    @overload
    def __getitem__(self, at: int) -> CallRow: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[CallRow]: ...
    def __getitem__(self, at: int | slice) -> CallRow | Sequence[CallRow]:
        if isinstance(at, slice):
            return [self._redacted(call) for call in self._calls[at]]
        return self._redacted(self._calls[at])

    def __iter__(self) -> Iterator[CallRow]:
        return map(self._redacted, self._calls)

    def _redacted(self, call: CallRow) -> CallRow:
        stands = self._redactor.messages
        shown: CallRow = self._redactor.value(call)
        messages = tuple((time, way, stands.first(line)) for time, way, line in call.messages)
        from_ = stands.value("From", call.from_) or ""
        return shown._replace(from_=from_, request_uri=stands.uri_alone(call.request_uri), messages=messages)


def _config(config: Config | None, redactor: _Redactor) -> Config | None:
    """The configuration as far as a report shows it: its sections."""
    if config is None:
        return None
    return Config(config.version, "", sections=tuple(_section(section, redactor) for section in config.sections))


def _section(section: Section, redactor: _Redactor) -> Section:
    variables = tuple(_variable(variable, redactor) for variable in section.variables)
    name, parents = redactor.disguise.section(section.name), tuple(map(redactor.disguise.section, section.parents))
    return replace(section, name=name, where=redactor.value(section.where), variables=variables, parents=parents)


def _variable(variable: Variable, redactor: _Redactor) -> Variable:
    options, kind = redactor.options, variable.name.lower() == "type"
    value = options.kind(variable.value) if kind else options.value(variable.name, variable.value)
    return Variable(options.option(variable.name), value, redactor.value(variable.where))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str | Reason):
        yield str(value)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _strings(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _strings([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _places(value: Any) -> Iterator[Where]:
    if isinstance(value, Where):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _places(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _places(item)
