"""The same datagrams through Wireshark's dissectors: for TLS whose secrets are at hand, and as a second opinion.

pyshark finds tshark, makes its command line and starts it. The output (`-T ek -x`) is read here: pyshark 0.6 parses it
with an event loop round trip for each packet and a field table that takes seconds to load. What of pyshark breaks
elsewhere is kept from happening: it sets asyncio's child watcher (gone in Python 3.14) unless it is handed an event
loop, takes any `config.ini` in the current directory for its own, and throws away a tshark that ended with an error
before it was looked at, with all that it had printed.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pjsipdiag.capture.datagram import Datagram, Tally, carried_direction
from pjsipdiag.capture.packets.logger import is_logged, restore_transport
from pjsipdiag.capture.source.location import here
from pjsipdiag.capture.streams.start import starts_like_sip
from pjsipdiag.errors import CaptureError
from pjsipdiag.sip import SIPS_PORT

MISSING = "tshark is not installed: `apt install tshark` (or leave out --reader wireshark and --keylog)"
TSHARK_NOTE = "read through Wireshark's dissectors"
NOTE_TCP = "tshark loses SIP messages over TCP that stand between CRLF keep-alives: the native reader does not"
UNREAD = "tshark frame that cannot be read"
UNSEEN = "SIP message that the native reader finds and tshark does not"
OUTPUT_CHUNK = 1 << 16
WEB_PORTS = frozenset({443, 8088, 8089, 8443})
"""Ports of HTTPS and of SIP over secure WebSocket: there tshark finds out by itself what TLS carries."""
_PREFERENCES = MappingProxyType({"udp.try_heuristic_first": "TRUE", "tcp.desegment_tcp_streams": "TRUE"})
"""Settings of tshark: by default a UDP source port such as 2152 or 4341 makes it take SIP for another protocol."""
_LAYERS = "sll ip ipv6 tcp udp sctp tls websocket sip"


def read_wireshark(path: str | Path, tally: Tally, keylog: str | Path | None = None) -> Iterator[Datagram]:
    """The SIP datagrams that tshark finds in the capture at `path`; with `keylog` (SSLKEYLOGFILE's format) also in TLS.

    Secrets inside a pcapng are used without being asked for. Raises CaptureError when tshark is missing or cannot
    read the file.
    """
    ports, there = _count_natively(path, tally)
    readable: set[tuple[bytes, bytes]] = set()
    tally.notes.append(TSHARK_NOTE)
    for line in _tshark(str(path), tally, keylog, ports):
        for datagram in _datagrams(line, tally):
            if datagram.transport in ("TLS", "WSS"):
                client, server = datagram.source, datagram.destination
                readable |= {(client[:-2] + b"\0\0", server), (server[:-2] + b"\0\0", client)}
            if datagram.transport == "TCP" and NOTE_TCP not in tally.notes:
                tally.notes.append(NOTE_TCP)
            tally.records = max(tally.records, datagram.frame)
            there -= 1
            yield datagram
    unseen = there - tally.undecoded[UNREAD]
    if unseen > 0:
        tally.undecoded[UNSEEN] += unseen
    for connection in readable:
        tally.encrypted_connections.pop(connection, None)


def _count_natively(path: str | Path, tally: Tally) -> tuple[set[int], int]:
    """Counts what tshark's output does not tell (records, TLS connections); the ports of TLS servers, and how many
    messages our own reader finds."""
    from pjsipdiag.capture.formats.reader import read

    own = Tally(tally.file)
    try:
        found = sum(1 for _ in read(path, own))
    except CaptureError:
        return set(), 0  # tshark knows more file formats than we do
    tally.records, tally.truncated = own.records, own.truncated
    tally.encrypted_connections.update(own.encrypted_connections)
    return {int.from_bytes(server[-2:], "big") for _, server in own.encrypted_connections}, found


def _tshark(path: str, tally: Tally, keylog: str | Path | None, tls_ports: set[int]) -> Iterator[bytes]:
    """The lines of tshark's output, one for each frame with SIP."""
    loop = asyncio.new_event_loop()
    try:
        capture = _capture(path, keylog, tls_ports, loop)
        try:
            process = loop.run_until_complete(capture._get_tshark_process())
            rest = b""
            while chunk := loop.run_until_complete(process.stdout.read(OUTPUT_CHUNK)):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line for line in lines if line.startswith(b'{"timestamp"'))
            code = loop.run_until_complete(process.wait())
            capture._running_processes.clear()  # it ended by itself: pyshark would raise for any status but 0
            loop.run_until_complete(capture.close_async())
            _judge(code, capture, tally)
        finally:
            loop.run_until_complete(capture.close_async())
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from error
    finally:
        loop.close()


def _capture(path: str, keylog: str | Path | None, tls_ports: set[int], loop: asyncio.AbstractEventLoop) -> Any:
    try:
        import pyshark
        import pyshark.config
    except ImportError as error:
        raise CaptureError(
            f"pyshark cannot be imported ({error}): leave out --reader wireshark and --keylog"
        ) from error
    pyshark.config.fp_config_path = pyshark.config.pyshark_config_path
    tshark = shutil.which("tshark") or _search()
    preferences = dict(_PREFERENCES)
    if keylog is not None:
        if not Path(keylog).is_file():
            raise CaptureError(f"{keylog}: no such key log file")
        preferences["tls.keylog_file"] = str(Path(keylog).resolve())
    file = here(str(path))
    if not file.is_file():
        raise CaptureError(f"{path}: --reader wireshark reads files of this machine only")
    odd = sorted(tls_ports - WEB_PORTS - {SIPS_PORT})
    capture = pyshark.FileCapture(
        str(file.resolve()),
        display_filter="sip",
        use_ek=True,
        include_raw=True,
        tshark_path=tshark,
        override_prefs=preferences,
        decode_as={f"tls.port=={port}": "sip" for port in odd},
        custom_parameters=["-j", _LAYERS, "-J", "frame"],
        eventloop=loop,
    )
    capture._created_new_process = lambda _, process: capture._running_processes.add(process)
    return capture


def _search() -> str:
    from pyshark.tshark.tshark import TSharkNotFoundException, get_process_path

    try:
        return str(get_process_path())
    except TSharkNotFoundException as error:
        raise CaptureError(MISSING) from error


def _judge(code: int, capture: Any, tally: Tally) -> None:
    if code == 0:
        return
    said = str(capture._last_error_line or f"it ended with status {code}").removeprefix("tshark: ")
    if not tally.records:
        raise CaptureError(f"tshark: {said}")
    tally.truncated = tally.truncated or f"tshark: {said}"


def _datagrams(line: bytes, tally: Tally) -> Iterator[Datagram]:
    """The messages in one line of `-T ek -x`: each layer's bytes are hex under `NAME_raw`, a list where there are
    several."""
    try:
        layers: Mapping[str, Any] = json.loads(line)["layers"]
        frame = layers["frame"]
        protocols = str(frame["frame_frame_protocols"]).split(":")
        if "icmp" in protocols or "icmpv6" in protocols:
            return
        source, destination = _addresses(layers, protocols)
        time = _nanoseconds(str(frame["frame_frame_time_epoch"]))
        number = int(frame["frame_frame_number"])
        cut = int(frame["frame_frame_cap_len"]) < int(frame["frame_frame_len"])
        messages = [bytes.fromhex(raw) for raw in _all(layers, "sip")]
    except (KeyError, ValueError, TypeError, IndexError, StopIteration):
        tally.undecoded[UNREAD] += 1
        return
    transport, direction = _transport(protocols), _direction(layers)
    carrier = _carrier(layers)
    if carrier:
        direction = carried_direction(direction, carrier)
    for payload in messages:
        if not starts_like_sip(payload):
            tally.undecoded["what tshark takes for SIP without a start line"] += 1
            continue
        datagram = Datagram(time, number, transport, source, destination, payload, direction, cut)
        yield restore_transport(datagram) if is_logged(source, destination) else datagram


def _nanoseconds(epoch: str) -> int:
    """Seconds since 1970 (tshark before 4.4) or ISO 8601 in UTC (since 4.4), each with a fraction."""
    whole, _, fraction = epoch.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp()) if "T" in whole else int(whole)
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


def _all(layers: Mapping[str, Any], name: str) -> list[str]:
    raw = layers[f"{name}_raw"]
    return raw if isinstance(raw, list) else [raw]


def _addresses(layers: Mapping[str, Any], protocols: list[str]) -> tuple[bytes, bytes]:
    transport = next(name for name in reversed(protocols) if name in ("udp", "tcp", "sctp"))
    segment = bytes.fromhex(_all(layers, transport)[-1])
    network, header = _network(layers, protocols, segment)
    at, wide = (12, 4) if network == "ip" else (8, 16)
    return header[at : at + wide] + segment[:2], header[at + wide : at + 2 * wide] + segment[2:4]


def _network(layers: Mapping[str, Any], protocols: list[str], segment: bytes) -> tuple[str, bytes]:
    """The IP layer that carries `segment`, and its header.

    frame.protocols alone does not tell: since 4.4 it leaves out the IP inside MPLS, since 4.6 it says ip where GTP
    carries IPv6. So the header that stands right before the segment in the frame is taken, the first one: a copy in a
    payload comes later. Where none does (reassembled fragments, extension headers), the innermost named is.
    """
    headers = {name: bytes.fromhex(_all(layers, name)[-1]) for name in ("ip", "ipv6") if f"{name}_raw" in layers}
    if len(headers) > 1:
        frame = bytes.fromhex(_all(layers, "frame")[0])
        before = {frame.find(header + segment): name for name, header in headers.items()}
        before.pop(-1, None)
        named = before[min(before)] if before else next(name for name in reversed(protocols) if name in headers)
        return named, headers[named]
    return next(iter(headers.items()))


def _carrier(layers: Mapping[str, Any]) -> bytes:
    """The packed source of the outermost IP packet, where it carries others."""
    frame = bytes.fromhex(_all(layers, "frame")[0])
    headers = [
        (frame.find(header), header[start : start + wide])
        for name, start, wide in (("ip", 12, 4), ("ipv6", 8, 16))
        for header in map(bytes.fromhex, _all(layers, name) if f"{name}_raw" in layers else ())
    ]
    return min(headers)[1] if len(headers) > 1 else b""


def _transport(protocols: list[str]) -> str:
    secure = "tls" in protocols
    if "websocket" in protocols:
        return "WSS" if secure else "WS"
    if secure:
        return "TLS"
    return next((name.upper() for name in reversed(protocols) if name in ("udp", "tcp", "sctp")), "UDP")


def _direction(layers: Mapping[str, Any]) -> str:
    """The packet type of LINUX_SLL (16 bytes) and LINUX_SLL2 (20 bytes)."""
    if "sll_raw" not in layers:
        return ""
    header = bytes.fromhex(_all(layers, "sll")[0])
    kind = header[10] if len(header) == 20 else header[1]
    return {0: "in", 4: "out"}.get(kind, "")
