"""A capture and a configuration directory, written anew with stand-ins."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.identifiers import Replay
from pjsipdiag.asterisk.objects import load_config
from pjsipdiag.asterisk.verdict import Verdict
from pjsipdiag.capture import expand, read
from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.errors import ConfigError, PjsipdiagError
from pjsipdiag.redact.conf import redact_conf
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.known import address_map
from pjsipdiag.redact.message import MessageRedactor
from pjsipdiag.redact.names import identify_names
from pjsipdiag.redact.options import OptionRedactor
from pjsipdiag.redact.patterns import Patterns
from pjsipdiag.redact.pcap import write_pcap
from pjsipdiag.sip import decode

BESIDE = ("pjsip_wizard.conf", "acl.conf", "sorcery.conf", "extconfig.conf")
"""Files that matter for identification and that no file includes."""


@dataclass(frozen=True, slots=True)
class RedactedFiles:
    """`files` that were written; of `requests` that were replayed before and after, `same` had the same verdict;
    `left_out` counts headers that were dropped, by name."""

    files: tuple[str, ...]
    requests: int
    same: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def redact_files(
    captures: Sequence[str | Path],
    config: str | Path | None,
    output: str | Path,
    *,
    hosts: str | Path | None = None,
    asterisk: str | None = None,
) -> RedactedFiles:
    """Writes `output`/capture.pcap (capture-2.pcap, ...), `output`/etc and `output`/hosts.

    :raises PjsipdiagError: `output` exists and is not empty, or an input cannot be read.
    """
    target = Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PjsipdiagError(f"{output} exists already: name a new directory, nothing is overwritten")
    before = load_config(config, asterisk, hosts) if config is not None else Config(asterisk or "", "")
    texts = _texts(config, before)
    hosts_text = _read(Path(hosts)) if hosts is not None else b""
    traffic = [list(read(path, Tally(str(path)))) for path in expand(captures).files]
    disguise = _disguise(before, [*texts.values(), hosts_text], [d for capture in traffic for d in capture])
    patterns = Patterns(before, disguise)
    messages = MessageRedactor(disguise, patterns.headers)
    redacted = [[_redacted(datagram, disguise, messages) for datagram in capture] for capture in traffic]
    for old, new in _pairs(traffic, redacted):
        patterns.see(old.payload, new.payload)
    options = OptionRedactor(disguise, messages, patterns.value)
    written = _write_captures(redacted, target)
    written += _write_configuration(texts, disguise, options, target)
    if hosts is not None:
        (target / "hosts").write_bytes(_hosts(hosts_text, disguise))
        written.append(str(target / "hosts"))
    if config is None:
        return RedactedFiles(tuple(written), 0, 0, messages.left_out)
    etc = target / "etc" if Path(config).is_dir() else target / "etc" / Path(config).name
    after = load_config(etc, before.version, target / "hosts" if hosts is not None else None)
    requests, same = _proof(before, after, _pairs(traffic, redacted), disguise)
    return RedactedFiles(tuple(written), requests, same, messages.left_out)


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
        if place.is_file():
            found[name] = _read(place)
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error


def _disguise(config: Config, files: Iterable[bytes], datagrams: Iterable[Datagram]) -> Disguise:
    texts = dict.fromkeys(decode(data) for data in files)
    ips = set[bytes]()
    for datagram in datagrams:
        ips.update((datagram.source[:-2], datagram.destination[:-2]))
        texts.setdefault(decode(datagram.payload))
    disguise = Disguise(address_map(map(ipaddress.ip_address, ips), texts), identify_names(config))
    for section in config.sections:
        disguise.section(section.name)
    return disguise


def _redacted(datagram: Datagram, disguise: Disguise, messages: MessageRedactor) -> Datagram:
    return datagram._replace(
        source=_stand(datagram.source, disguise),
        destination=_stand(datagram.destination, disguise),
        payload=messages.message(datagram.payload),
    )


def _stand(packed: bytes, disguise: Disguise) -> bytes:
    return disguise.addresses.address(ipaddress.ip_address(packed[:-2])).packed + packed[-2:]


def _pairs(before: list[list[Datagram]], after: list[list[Datagram]]) -> list[tuple[Datagram, Datagram]]:
    """Each request beside its redacted form, alike ones once."""
    pairs = [pair for old, new in zip(before, after, strict=True) for pair in zip(old, new, strict=True)]
    alike = {(old.payload, old.source, old.transport): (old, new) for old, new in pairs}
    return [(old, new) for old, new in alike.values() if not old.payload.lstrip(b"\r\n").startswith(b"SIP/2.0")]


def _write_captures(captures: list[list[Datagram]], target: Path) -> list[str]:
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for number, capture in enumerate(captures, 1):
        path = target / ("capture.pcap" if number == 1 else f"capture-{number}.pcap")
        with path.open("wb") as stream:
            write_pcap(capture, stream)
        written.append(str(path))
    return written


def _write_configuration(
    texts: Mapping[str, bytes], disguise: Disguise, options: OptionRedactor, target: Path
) -> list[str]:
    written = []
    for name, data in texts.items():
        path = target / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(redact_conf(name, data, disguise, options.value))
        written.append(str(path))
    return written


def _hosts(data: bytes, disguise: Disguise) -> bytes:
    lines = []
    for line in decode(data).splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        lines.append(" ".join([disguise.host(address.partition("%")[0]), *map(disguise.host, names)]))
    return "".join(f"{line}\n" for line in lines).encode()


def _proof(
    before: Config, after: Config, pairs: Iterable[tuple[Datagram, Datagram]], disguise: Disguise
) -> tuple[int, int]:
    """Requests replayed before and after, and how many of them have the same verdict."""
    old_replay, new_replay = Replay(before), Replay(after)
    requests = same = 0
    for old, new in pairs:
        requests += 1
        same += _alike(old_replay.verdict(old.message()), new_replay.verdict(new.message()), disguise)
    return requests, same


def _alike(old: Verdict, new: Verdict, disguise: Disguise) -> bool:
    return (old.outcome, old.identifier, disguise.section(old.endpoint)) == (new.outcome, new.identifier, new.endpoint)
