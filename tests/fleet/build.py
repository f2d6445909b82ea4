"""A fleet of twenty PBXs, each with files and habits of its own, and what they share: a provider's new address."""

from __future__ import annotations

from pathlib import Path

from tests.diagnosis.scene import write_scene

COUNT = 20
NEW, OLD, SCANNER, OWN = "203.0.113.13", "203.0.113.10", "198.51.100.77", "198.51.100.20"
"""The provider's address that nobody knows yet and one that all know; one that scans; one that a single PBX refuses."""


def pbx(number: int) -> str:
    return f"192.0.2.{number}"


def _calls(number: int) -> str:
    """Two calls of the provider, one from its new address; at every third PBX a scanner, at one a codec it lacks."""
    own = pbx(number)
    text = f"""
@ {number} {OLD}:5060 > {own}:5060 in -> 100 200
INVITE sip:+1555123{number:04}@{own} SIP/2.0
User-Agent: Provider-SBC 4.1
From: <sip:+15559870001@{OLD}>;tag=a

@ {number + 30} {NEW}:5060 > {own}:5060 in -> 401
INVITE sip:+1555123{number:04}@{own} SIP/2.0
User-Agent: Provider-SBC 4.1
From: <sip:+15559870001@{NEW}>;tag=b
"""
    for at, called in enumerate(("900972595301234", "00972595301234", "+972595301234") if number % 3 == 0 else ()):
        text += f"""
@ {number + 60 + at} {SCANNER}:5080 > {own}:5060 in -> 401
INVITE sip:{called}@{own} SIP/2.0
User-Agent: friendly-scanner
From: <sip:100@{own}>;tag=c
"""
    if number == 7:
        text += f"""
@ 90 {OWN}:5060 > {own}:5060 in -> 100 488
INVITE sip:300@{own} SIP/2.0
Contact: <sip:{OWN}>
Content-Type: application/sdp

v=0
o=- 1 1 IN IP4 {OWN}
s=-
c=IN IP4 {OWN}
t=0 0
m=audio 4000 RTP/AVP 18
a=rtpmap:18 G729/8000
"""
    return text


def _files(number: int) -> dict[str, str]:
    """The same trunk as different hands write it: other names, another file, other lines before it."""
    name = ("provider", f"trunk-{number}", "Carrier_A")[number % 3]
    endpoint = f"[{name}]\ntype=endpoint\ncontext=from-trunk\ndisallow=all\nallow=ulaw,alaw\n"
    identify = f"[{name}-identify]\ntype=identify\nendpoint={name}\nmatch=203.0.113.8/30\n"
    transport = "[transport-udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
    other = "[other]\ntype=endpoint\ncontext=in\ndisallow=all\nallow=alaw\n"
    other += f"[other]\ntype=identify\nendpoint=other\nmatch={OWN}\n"
    blank = "; added by hand\n" * (number % 5)
    if number % 2:
        return {
            "pjsip.conf": f"{transport}#include trunks.conf\n{other}",
            "trunks.conf": f"{blank}{endpoint}{identify}",
        }
    return {"pjsip.conf": f"{blank}{transport}{endpoint}{identify}{other}"}


def write_fleet(folder: Path, count: int = COUNT) -> Path:
    """Writes FLEET.toml with all PBXs below it."""
    rows = ['[fleet]\ncaptures = "{name}/captures"\nconfig = "{name}/etc"\n']
    for number in range(1, count + 1):
        name = f"pbx-{number:02}"
        etc, captures = folder / name / "etc", folder / name / "captures"
        etc.mkdir(parents=True)
        captures.mkdir()
        for file, text in _files(number).items():
            (etc / file).write_text(text)
        write_scene(_calls(number), captures / "calls.pcap")
        rows.append(f'[[pbx]]\nname = "{name}"\naddresses = ["{pbx(number)}"]\n')
    plan = folder / "FLEET.toml"
    plan.write_text("\n".join(rows))
    return plan
