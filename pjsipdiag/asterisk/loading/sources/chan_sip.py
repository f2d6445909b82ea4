"""Where the driver before PJSIP listens: what sip.conf says, as far as it matters to who answers.

Replays reload_config() of channels/chan_sip.c: `bindport`, `udpbindaddr`, `bindaddr`, `tcpenable`, `tlsenable`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pjsipdiag.asterisk.addresses.sockaddr import split_host_port
from pjsipdiag.asterisk.config import Transport
from pjsipdiag.asterisk.files.lines import parse_bool
from pjsipdiag.asterisk.files.parsed import ParsedFile
from pjsipdiag.asterisk.section import Section, Variable, Where
from pjsipdiag.digits import is_number, read_number
from pjsipdiag.sip import SIPS_PORT

SIP_CONF = "sip.conf"
DRIVER = "chan_sip"


def sockets(parsed: ParsedFile) -> tuple[Transport, ...]:
    """The sockets that chan_sip opens; none without sip.conf."""
    general = [section for section in parsed.sections if section.name.lower() == "general"]
    if not parsed.is_found or not parsed.is_valid:
        return ()
    return tuple(_sockets(general, Where(SIP_CONF, 0)))


def _sockets(general: list[Section], file: Where) -> Iterator[Transport]:
    said = {variable.name.lower(): variable for section in general for variable in section.variables}
    plain = said.get("udpbindaddr") or said.get("bindaddr")
    port = said.get("bindport")
    yield _socket("udp", plain, port, 5060, file)
    if _is_on(said.get("tcpenable")):
        yield _socket("tcp", said.get("tcpbindaddr") or plain, port, 5060, file)
    if _is_on(said.get("tlsenable")):
        yield _socket("tls", said.get("tlsbindaddr"), None, SIPS_PORT, file)


def _is_on(variable: Variable | None) -> bool:
    return variable is not None and parse_bool(variable.value)


def _socket(protocol: str, bind: Variable | None, port: Variable | None, default: int, file: Where) -> Transport:
    host, written = split_host_port(bind.value) if bind else ("", "")
    digits = written or (port.value if port else "")
    said = (bind if written else None) or port or bind
    return Transport(
        DRIVER,
        said.where if said else file,
        protocol=protocol,
        bind=host or "0.0.0.0",
        port=read_number(digits) if digits and is_number(digits) and read_number(digits) else default,
    )
