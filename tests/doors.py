"""Asks a real Asterisk which doors stand open to a stranger: `python -m tests.doors --oracle DIR [--asterisk 22 16]`.

DIR holds oracle.py, which runs Asterisk on a configuration and tells what it decides about requests. The answers go to
fixtures/doors/recorded.json: {release: {case: [[endpoint, identifier, outcome], ...]}}, one for each request.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

DOORS = Path(__file__).parents[1] / "fixtures" / "doors"
STRANGER = "198.51.100.77"
HEAD = """[udp]
type=transport
protocol=udp
bind=0.0.0.0
"""
MODULES = "[modules]\nautoload=yes\n{}\n"

Case = dict[str, Any]


def cases() -> list[Case]:
    found = tomllib.loads((DOORS / "cases.toml").read_text("utf-8"))["case"]
    assert isinstance(found, list)
    return found


def files(case: Case) -> dict[str, str]:
    """The configuration of a case, by file name."""
    written = {"pjsip.conf": HEAD + case["pjsip"].lstrip("\n")}
    written |= {f"{name}.conf": case[name] for name in ("acl",) if name in case}
    written |= {"pjsip_wizard.conf": case["wizard"]} if "wizard" in case else {}
    written |= {"modules.conf": MODULES.format(case["modules"])} if "modules" in case else {}
    return written


def said(case: Case) -> Iterator[dict[str, Any]]:
    """What the stranger says: nothing, each section's name as From user and in credentials, what the case adds."""
    yield {}
    names = re.findall(r"^\[([^\]]+)\]", case["pjsip"] + case.get("wizard", ""), re.MULTILINE)
    for name in dict.fromkeys(names):
        user, _, host = name.partition("@")
        yield {"from": f"sip:{quote(user)}@{host or 'stranger.invalid'}"}
        credentials = f'Digest username="{user}", realm="asterisk", nonce="0", uri="sip:x", response="0"'
        yield {"headers": [f"Authorization: {credentials}"]}
    yield from case.get("say", ())


def raw(number: int, words: dict[str, Any], stranger: str) -> str:
    uri = words.get("uri", "sip:100@192.0.2.1")
    lines = [
        f"INVITE {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {stranger}:5060;branch=z9hG4bKdoor{number};rport",
        "Max-Forwards: 70",
        f"From: <{words.get('from', 'sip:nobody@stranger.invalid')}>;tag=door{number}",
        f"To: <{uri}>",
        f"Call-ID: door-{number}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:{stranger}:5060>",
        *words.get("headers", ()),
        "Content-Type: application/sdp",
    ]
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {stranger}\r\ns=-\r\nc=IN IP4 {stranger}\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n"
        "a=rtpmap:0 PCMU/8000\r\n"
    )
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def record(oracle: Path, releases: Sequence[str]) -> dict[str, dict[str, list[list[str]]]]:
    """What each release decides about every request of every case."""
    sys.path.insert(0, str(oracle))
    from oracle import run_case  # type: ignore[import-not-found]  # where the user has it

    answers: dict[str, dict[str, list[list[str]]]] = {}
    for release in releases:
        for at, case in enumerate(cases()):
            if release not in case.get("releases", [release]):
                continue
            stranger = case.get("stranger", STRANGER)
            asked = [
                {"id": str(n), "src": stranger, "sport": 5060, "dst": "192.0.2.1", "dport": 5060, "transport": "udp"}
                | {"raw": raw(n, words, stranger)}
                for n, words in enumerate(said(case))
            ]
            done = run_case({"id": f"door{at}", "files": files(case), "requests": asked}, asterisk=release)
            got = [one.get("expect") or one.get("verdict") or one for one in done["requests"]]
            answers.setdefault(done["asterisk"], {})[case["name"]] = [
                [one["endpoint"] or "", one["identified_by"] or "", one["outcome"]] for one in got
            ]
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", type=Path, required=True)
    parser.add_argument("--asterisk", nargs="+", default=["22", "16"])
    given = parser.parse_args()
    text = json.dumps(record(given.oracle, given.asterisk), indent=1)
    (DOORS / "recorded.json").write_text(re.sub(r"\[\s+([^\[\]]*?)\s+\]", _one_line, text) + "\n")


def _one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r"\s+", " ", found[1]) + "]"


if __name__ == "__main__":
    main()
