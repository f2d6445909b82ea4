"""A listener for HEP over UDP and TCP: what Kamailio, heplify, FreeSWITCH and Asterisk's res_hep send.

Whoever can send here can claim any call: where senders are named (--mirror), what others send is passed over and
counted. The time is that of the arrival here, for the clocks of many senders differ. Of too many connections the one
that was silent the longest is closed: idle ones keep nobody out.
"""

from __future__ import annotations

import ipaddress
import selectors
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from threading import Event
from urllib.parse import urlsplit

from pjsipdiag.capture.datagram import Datagram, Tally
from pjsipdiag.capture.streams import hep
from pjsipdiag.dataclass import dataclass
from pjsipdiag.errors import NO_HOST, CaptureError
from pjsipdiag.sip import Address
from pjsipdiag.watch.sources.source import STOP_SECONDS, Put

PORT = 9060
MOST_CONNECTIONS = 200
OF_ANOTHER = "HEP of another sender than --mirror names"
KERNEL_BUFFER = 8 << 20
"""Bytes that the kernel keeps of what has not been read yet."""
RCVBUFFORCE, RXQ_OVFL = 33, 40
"""Of Linux' asm-generic/socket.h: SO_RCVBUFFORCE goes beyond what others may have, and by SO_RXQ_OVFL each packet tells
how many were dropped before it."""


@dataclass(slots=True)
class Connection:
    """A TCP connection of a sender; `peer` is its packed address with the port (`Address.pack`)."""

    peer: bytes
    stream: hep.HepStream


class Listener:
    """Receives HEP at `url` (hep://ADDRESS:PORT); `senders` are those whose word is taken, all where none is named."""

    def __init__(self, url: str, senders: Collection[str] = ()) -> None:
        self.name, self.tally = url, Tally(url)
        self._senders = {_unmap(one) for one in senders}
        self._dropped = 0
        self._own = b""
        self._connections: dict[socket.socket, None] = {}
        """Those that are open; the one that was heard last is the last one."""
        self._selector = selectors.DefaultSelector()
        host, port = _place(url)
        try:
            family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._udp = socket.socket(family, socket.SOCK_DGRAM)
            for option, value in ((socket.SO_RCVBUF, KERNEL_BUFFER), (RCVBUFFORCE, KERNEL_BUFFER), (RXQ_OVFL, 1)):
                with suppress(OSError):  # the second one takes rights
                    self._udp.setsockopt(socket.SOL_SOCKET, option, value)
            self._udp.bind(where)
            self._tcp = socket.create_server(self._udp.getsockname()[:2], family=family, backlog=16)
        except OSError as error:
            raise CaptureError(f"{url}: {error.strerror or error}") from None
        except UnicodeError:
            raise CaptureError(f"{url}: {NO_HOST}") from None
        self.port: int = self._udp.getsockname()[1]
        self._own = Address(_unmap(self._udp.getsockname()[0]), self.port).pack()

    def read(self, put: Put, stop: Event) -> None:
        self._udp.setblocking(False)
        self._tcp.setblocking(False)
        with self._selector as selector, self._udp, self._tcp:
            selector.register(self._udp, selectors.EVENT_READ)
            selector.register(self._tcp, selectors.EVENT_READ)
            while not stop.is_set():
                for key, _ in selector.select(STOP_SECONDS):
                    if key.fileobj is self._udp:
                        self._receive(put)
                    elif key.fileobj is self._tcp:
                        self._accept()
                    else:
                        self._continue(key, put)

    def count_lost(self) -> int | None:
        return self._dropped

    def _receive(self, put: Put) -> None:
        with suppress(BlockingIOError):
            while True:
                payload, told, _, peer = self._udp.recvmsg(65_535, socket.CMSG_SPACE(4))
                for level, kind, data in told:
                    if (level, kind) == (socket.SOL_SOCKET, RXQ_OVFL):
                        self._dropped = int.from_bytes(data[:4], "little")
                self._take(Address(_unmap(peer[0]), peer[1]).pack(), "UDP", payload, put)

    def _accept(self) -> None:
        with suppress(OSError):
            connection, (ip, port, *_) = self._tcp.accept()
            if self._senders and _unmap(ip) not in self._senders:
                self.tally.undecoded[OF_ANOTHER] += 1
                connection.close()
                return
            if len(self._connections) >= MOST_CONNECTIONS:
                self.tally.undecoded["HEP connection that was closed, as too many are open"] += 1
                self._close(next(iter(self._connections)))
            connection.setblocking(False)
            known = Connection(Address(_unmap(ip), port).pack(), hep.HepStream(self.tally.undecoded))
            self._selector.register(connection, selectors.EVENT_READ, known)
            self._connections[connection] = None

    def _continue(self, key: selectors.SelectorKey, put: Put) -> None:
        connection, known = key.fileobj, key.data
        assert isinstance(connection, socket.socket)
        if connection not in self._connections:
            return  # it was closed for another one meanwhile
        try:
            data = connection.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        self._connections[connection] = self._connections.pop(connection)
        for piece in known.stream.receive(data):
            self._take(known.peer, "TCP", piece.payload, put)

    def _close(self, connection: socket.socket) -> None:
        known: Connection = self._selector.unregister(connection).data
        if known.stream.lose():
            self.tally.undecoded["HEP packet whose connection ended before it did"] += 1
        del self._connections[connection]
        connection.close()

    def _take(self, peer: bytes, transport: str, payload: bytes, put: Put) -> None:
        tally = self.tally
        tally.records += 1
        if self._senders and Address.unpack(peer).ip not in self._senders:
            tally.undecoded[OF_ANOTHER] += 1
            return
        carrying = Datagram(time.time_ns(), tally.records, transport, peer, self._own, payload)
        inner = hep.unwrap_noted(carrying, tally) if hep.looks_like(payload) else None
        if inner is not None:
            put(inner._replace(direction=""), None)


def _place(url: str) -> tuple[str, int]:
    try:
        found = urlsplit(url)
        host, port = found.hostname or "0.0.0.0", found.port or PORT
    except ValueError:
        host, port = "", 0
    if not host or found.scheme != "hep" or found.username is not None or found.path.strip("/") or found.query:
        raise CaptureError(f"that is no address to listen at for HEP: give it as hep://0.0.0.0:{PORT}")
    return host, port


def _unmap(ip: str) -> str:
    """An address as it is written, IPv4 in IPv6 as IPv4."""
    try:
        address = ipaddress.ip_address(ip.strip("[]").partition("%")[0])
    except ValueError:
        raise CaptureError(f"--mirror {ip!r} is no IP address") from None
    return str(getattr(address, "ipv4_mapped", None) or address)
