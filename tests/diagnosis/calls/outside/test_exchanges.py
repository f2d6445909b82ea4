"""The PBX's own REGISTER requests, and the line tokens that they tell."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.loading.objects import load_config
from pjsipdiag.capture.datagram import Datagram
from pjsipdiag.diagnosis.calls.fold import Fold
from pjsipdiag.diagnosis.calls.fold_content import CapturePart, MergedFolds
from pjsipdiag.diagnosis.calls.merge import merge
from pjsipdiag.diagnosis.calls.outside.exchanges import own_registrations, tokens
from pjsipdiag.sip import Address
from tests.sip_text import messages

REGISTER = """REGISTER sip:carrier.example SIP/2.0
From: <sip:me@carrier.example>;tag=1
To: <sip:me@carrier.example>
Contact: <sip:me@192.0.2.1:5060;line=token>
Call-ID: r
"""
CARRIER = "198.51.100.20:5060"
REGISTRATION = """[reg]
type=registration
server_uri=sip:{server}
client_uri=sip:{user}@{host}
line={line}
endpoint=e
[e]
type=endpoint
"""


def folded(*lines: str, text: str = REGISTER) -> MergedFolds:
    fold = Fold()
    sent = messages("".join(f"@ {at} {line}\n{text}" for at, line in enumerate(lines)))
    fold.feed(
        Datagram(m.time, m.frame, m.transport, m.source.pack(), m.destination.pack(), m.raw, m.direction) for m in sent
    )
    return merge([CapturePart(fold, 0)])


@pytest.mark.parametrize(
    ("line", "own"),
    [
        (f"192.0.2.1:5060 > {CARRIER} out", True),
        (f"192.0.2.1:5060 > {CARRIER}", True),
        (f"192.0.2.1:5060 > {CARRIER} in", False),
        ("192.0.2.1:5060 > 192.0.2.1:5080", False),
        (f"203.0.113.5:5060 > {CARRIER} out", False),
        (f"203.0.113.5:5060 > {CARRIER}", False),
        ("203.0.113.5:5060 > 192.0.2.1:5060 in", False),
    ],
)
def test_what_the_pbx_sends_is_its_own(line: str, own: bool) -> None:
    pbx = {Address("192.0.2.1", 0).pack()[:-2]}
    assert len(list(own_registrations(folded(line), pbx))) == own


def test_each_address_that_registers_is_kept() -> None:
    sources = ("192.0.2.1:5060", "192.0.2.9:5060", "192.0.2.9:5060", "203.0.113.1:5060")
    found = folded(*(f"{source} > {CARRIER}" for source in sources)).registrations.values()
    assert [str(Address.unpack(one.source)) for one in found] == [sources[0], sources[1], sources[3]]


@pytest.mark.parametrize(
    ("server", "user", "host", "line", "token"),
    [
        ("carrier.example", "me", "carrier.example", "yes", "token"),
        ("other.example", "me", "carrier.example", "yes", ""),
        ("carrier.example", "you", "carrier.example", "yes", ""),
        ("carrier.example", "me", "other.example", "yes", ""),
    ],
)
@pytest.mark.parametrize("contact", ["<sip:me@192.0.2.1:5060;line=token>", "<sip:me@192.0.2.1>;line=token"])
def test_a_token_is_that_of_its_server_user_and_host(  # noqa: PLR0917  (what varies)
    server: str, user: str, host: str, line: str, token: str, contact: str
) -> None:
    lines = REGISTRATION.format(server=server, user=user, host=host, line=line)
    config = load_config(None, "22.10.1", overlay={"pjsip.conf": lines})
    (register,) = messages(
        f"@ 0 192.0.2.1:5060 > {CARRIER} out\n{REGISTER}".replace("<sip:me@192.0.2.1:5060;line=token>", contact)
    )
    assert tokens([register], config) == ({"reg": token} if token else {})
