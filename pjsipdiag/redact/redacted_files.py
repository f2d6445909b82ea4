"""A capture and a configuration directory, written anew with stand-ins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from io import BytesIO
from pathlib import Path

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.live import saved
from pjsipdiag.asterisk.live.running import running_config
from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.asterisk.replay.identifiers import Replay
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.capture import expand
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.joining.file_by_file import cut_short, read_files
from pjsipdiag.capture.pcap_writer import write_pcap
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import ConfigError
from pjsipdiag.inputs import read_whole
from pjsipdiag.outputs import Content, write_folder
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.material import Material, pairs, redact
from pjsipdiag.storage import Url, locate

BESIDE = ("pjsip_wizard.conf", "acl.conf", "sorcery.conf", "extconfig.conf")
"""Files that matter for identification and that no file includes."""
LIVE_FILE = "asterisk.live"
"""The file with the answers of a running Asterisk."""


@dataclass(frozen=True, slots=True)
class RedactedFiles:
    """`files` that were written; of `requests` that were replayed before and after, `same` had the same verdict;
    `left_out` counts headers that were dropped, by name; `cut` says which captures could not be read to their end, or
    hold what a copy cannot."""

    files: tuple[str, ...]
    requests: int
    same: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    cut: tuple[str, ...] = ()


def redact_files(
    captures: Sequence[str | Path],
    config: str | Path | None,
    output: str | Path,
    *,
    hosts: str | Path | None = None,
    live: str | None = None,
    asterisk: str | None = None,
    force: bool = False,
) -> RedactedFiles:
    """Writes `output`/capture.pcap (capture-2.pcap, ...), `output`/etc, `output`/hosts and, for what a running Asterisk
    told (a file of --save-live), `output`/asterisk.live.

    :raises PjsipdiagError: `output` exists and is not empty, or an input cannot be read.
    """
    target = Path(output)
    if config is not None:
        if isinstance(place := locate(str(config)), Url):
            raise ConfigError(f"{place}: a configuration is redacted where it was copied to: give a directory")
        before = load_config(config, asterisk, hosts)
    else:
        before = _running(Path(live), asterisk) if live is not None else Config(asterisk or "", "")
    texts = _texts(config, before)
    hosts_text = _read(Path(hosts)) if hosts is not None else b""
    tallies: list[Tally] = []
    traffic = tuple(map(tuple, read_files(expand(captures), tallies)))
    cut = (*cut_short(tallies), *_without_sip(tallies))
    told = _read(Path(live)) if live is not None else b""
    plain = Material(texts, traffic, hosts_text, told)
    redacted, disguise, left_out = redact(plain, before)
    inputs = [*captures, *(path for path in (config, hosts, live) if path is not None)]
    written = _write(redacted, target, inputs, with_hosts=hosts is not None, force=force)
    if config is not None:
        etc = target / "etc" if Path(config).is_dir() else target / "etc" / Path(config).name
        after = load_config(etc, before.version, target / "hosts" if hosts is not None else None)
    elif live is not None:
        after = _running(target / LIVE_FILE, asterisk)
    else:
        return RedactedFiles(tuple(written), 0, 0, left_out, cut)
    requests, same = _proof(before, after, pairs(plain, redacted), disguise)
    return RedactedFiles(tuple(written), requests, same, left_out, cut)


def _without_sip(tallies: Iterable[Tally]) -> Iterator[str]:
    """Sentences on what a log tells otherwise than by SIP that can be read: a copy is a capture, and lacks it."""
    for tally in tallies:
        told = sum(one.count for one in tally.logged_refusals)
        unread = sum(tally.unread_messages.values())
        for count, what in ((told, "line about a refused request whose SIP is not there"), (unread, "unread message")):
            if count:
                yield f"{tally.file}: left out: {count} x {what}"


def _running(path: Path, asterisk: str | None) -> Config:
    """The configuration of a running Asterisk. An identify of a wizard has a name of its own there, and no section."""
    running = running_config(saved.read(str(path)), asterisk)
    return replace(running, identifies=tuple(replace(one, wizard="") for one in running.identifies))


def _texts(config: str | Path | None, loaded: Config) -> dict[str, bytes]:
    """The configuration files by name relative to their directory."""
    if config is None:
        return {}
    path = Path(config)
    directory = path if path.is_dir() else path.parent
    names = dict.fromkeys([*loaded.files, *(BESIDE if path.is_dir() else ())])
    found = {}
    for name in names:
        place = directory / name
        if not place.resolve().is_relative_to(directory.resolve()):
            raise ConfigError(f"{name} lies outside of {directory}: copy it into the directory first")
        if name in loaded.texts:
            found[name] = loaded.texts[name]
        elif place.is_file():
            found[name] = _read(place)
    return found


def _read(path: Path) -> bytes:
    try:
        return read_whole(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error


def _write(
    material: Material, target: Path, inputs: Sequence[str | Path], *, with_hosts: bool, force: bool
) -> list[str]:
    files: dict[str, bytes] = {}
    for number, capture in enumerate(material.traffic, 1):
        stream = BytesIO()
        write_pcap(capture, stream)
        files["capture.pcap" if number == 1 else f"capture-{number}.pcap"] = stream.getvalue()
    files |= {f"etc/{name}": data for name, data in material.texts.items()}
    if with_hosts:
        files["hosts"] = material.hosts
    if material.saved_answers:
        files[LIVE_FILE] = material.saved_answers
    write_folder(target, {name: Content(data) for name, data in files.items()}, inputs=inputs, force=force)
    return [str(target / name) for name in files]


def _proof(
    before: Config, after: Config, requests_of: Iterable[tuple[Datagram, Datagram]], disguise: Disguise
) -> tuple[int, int]:
    """Requests replayed before and after, and how many of them have the same verdict."""
    old_replay, new_replay = Replay(before), Replay(after)
    requests = same = 0
    for old, new in requests_of:
        requests += 1
        same += _alike(old_replay.verdict(old.message()), new_replay.verdict(new.message()), disguise)
    return requests, same


def _alike(old: Verdict, new: Verdict, disguise: Disguise) -> bool:
    return (old.outcome, old.identifier, disguise.section(old.endpoint)) == (new.outcome, new.identifier, new.endpoint)
