"""A name server on this machine that answers as a zone file would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

ZONE = {
    ("sip.example.net.", "A"): ["203.0.113.7", "203.0.113.8"],
    ("sip.example.net.", "AAAA"): ["2001:db8::7"],
    ("four.example.net.", "A"): ["203.0.113.9"],
    ("_sip._udp.example.net.", "SRV"): ["20 1 5060 b.example.net.", "10 1 5060 a.example.net."],
}
BROKEN = "broken.example.net."


def answer(query: dns.message.Message) -> dns.message.Message:
    question = query.question[0]
    name, kind = str(question.name), dns.rdatatype.to_text(question.rdtype)
    response = dns.message.make_response(query)
    if name == BROKEN:
        response.set_rcode(dns.rcode.SERVFAIL)
    elif (name, kind) in ZONE:
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind]))
    elif not any(owner == name for owner, _ in ZONE):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


@contextmanager
def served() -> Iterator[dns.resolver.Resolver]:
    """A resolver that asks this server alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, client = server.recvfrom(4096)
                if data == b"stop":
                    return
                server.sendto(answer(dns.message.from_wire(data)).to_wire(), client)

        thread = threading.Thread(target=serve)
        thread.start()
        stub = dns.resolver.Resolver(configure=False)
        stub.nameservers, stub.port = ["127.0.0.1"], server.getsockname()[1]
        try:
            yield stub
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"stop", server.getsockname())
            thread.join()
