"""Everything that is redacted together, so that one thing has one stand-in: configuration texts, messages, hosts."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from pjsipdiag.asterisk.config import Config
from pjsipdiag.asterisk.pjsip.message import Dialect, dialect
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.dataclass import dataclass
from pjsipdiag.redact.address_map import address_map
from pjsipdiag.redact.conf_lines import redact_conf
from pjsipdiag.redact.disguise import Disguise
from pjsipdiag.redact.identify_names import ordered_names
from pjsipdiag.redact.messages.header_fault import keep_fault
from pjsipdiag.redact.messages.sip_message import MessageRedactor
from pjsipdiag.redact.option_values import OptionRedactor
from pjsipdiag.redact.patterns import Patterns
from pjsipdiag.redact.saved_answers import LiveStandIns
from pjsipdiag.sip import decode


@dataclass(frozen=True, slots=True)
class Material:
    """`texts` are configuration files by name, `traffic` the messages of each capture, `hosts` a file as /etc/hosts,
    `saved_answers` what a running Asterisk told."""

    texts: Mapping[str, bytes]
    traffic: tuple[tuple[Datagram, ...], ...]
    hosts: bytes = b""
    saved_answers: bytes = b""


def redact(material: Material, config: Config) -> tuple[Material, Disguise, Mapping[str, int]]:
    """The material with stand-ins, what makes them, and the headers that were left out by name.

    `config` is what the configuration texts load as.
    """
    disguise = _disguise(material, config)
    patterns = Patterns(config, disguise)
    messages = MessageRedactor(disguise, patterns.headers)
    of_release = dialect(config.version) if config.version else Dialect()
    traffic = tuple(
        tuple(_redacted(d, disguise, messages, of_release) for d in capture) for capture in material.traffic
    )
    for old, new in pairs(material, Material({}, traffic)):
        patterns.learn(old.payload, new.payload)
    options = OptionRedactor(disguise, messages, patterns.value)
    texts = {name: redact_conf(name, data, disguise, options) for name, data in material.texts.items()}
    told = redact_conf("", material.saved_answers, disguise, LiveStandIns(disguise, options.value))
    return Material(texts, traffic, _hosts(material.hosts, disguise), told), disguise, messages.left_out


def pairs(before: Material, after: Material) -> list[tuple[Datagram, Datagram]]:
    """Each request beside its redacted form, alike ones once."""
    both = [
        pair
        for old, new in zip(before.traffic, after.traffic, strict=True)
        for pair in zip(old, new, strict=True)
        if not pair[0].payload.lstrip(b"\r\n").startswith(b"SIP/2.0")
    ]
    return list({(old.payload, old.source, old.destination, old.transport): (old, new) for old, new in both}.values())


def _disguise(material: Material, config: Config) -> Disguise:
    """Knows every address and section name before the first stand-in is made."""
    texts = dict.fromkeys(decode(data) for data in (*material.texts.values(), material.hosts, material.saved_answers))
    packed = dict[bytes, None]()
    for capture in material.traffic:
        for datagram in capture:
            packed.setdefault(datagram.source[:-2])
            packed.setdefault(datagram.destination[:-2])
            texts.setdefault(decode(datagram.payload))
    disguise = Disguise(address_map(map(ipaddress.ip_address, packed), texts), ordered_names(config))
    for alias in (*config.domain_aliases, *(config.aliases_asked or ())):
        disguise.alias(alias)
    for section in config.sections:
        disguise.section(section.name)
    return disguise


def _redacted(datagram: Datagram, disguise: Disguise, messages: MessageRedactor, of_release: Dialect) -> Datagram:
    return datagram._replace(
        source=_stand(datagram.source, disguise),
        destination=_stand(datagram.destination, disguise),
        payload=keep_fault(datagram.payload, messages.message(datagram.payload), disguise, of_release),
    )


def _stand(packed: bytes, disguise: Disguise) -> bytes:
    return disguise.addresses.address(ipaddress.ip_address(packed[:-2])).packed + packed[-2:]


def _hosts(data: bytes, disguise: Disguise) -> bytes:
    lines = []
    for line in decode(data).split("\n"):
        address, *names = line.partition("#")[0].split() or [""]
        lines.append(" ".join([disguise.host(address.partition("%")[0]), *map(disguise.host, names)]))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
