"""Random configurations and requests for real Asterisk and the replay alike: `generate(seed, number)`.

Addresses come from RFC 5737 and 3849. Most values are drawn from small pools, so that rules, names and requests meet;
the rest is odd on purpose: header syntax, escapes, ports, masks, regular expressions.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent.parent / "fixtures" / "differential"

NAMES = ("alice", "Alice", "bob", "1001", "+15551230001", "trunk", "anonymous", "a;b", "al%ice", "x-y_z", "ünder")
DOMAINS = ("pbx.example", "PBX.example", "carrier.example", "192.0.2.1", "203.0.113.10", "2001:db8::10", "a.invalid")
SOURCES = ("203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.200", "198.51.100.7", "198.51.100.8")
SOURCES6 = ("2001:db8::10", "2001:db8::11", "2001:db8:1::1")
MATCHES = (
    "203.0.113.10", "203.0.113.8/30", "203.0.113.0/24", "203.0.113.10:5060", "203.0.113.0:5061/24", "!203.0.113.11",
    "!203.0.113.0/28", "198.51.100.7/255.255.0.255", "203.0.113.11/255.255.255.255", "198.51.100.0/29", "0.0.0.0/0",
    "2001:db8::10", "2001:db8::/64", "[2001:db8::11]:5060", "!2001:db8::11", "::ffff:203.0.113.12", "::/0",
    "sip.carrier.example", "203.0.113.12,198.51.100.8", "198.51.100.8/31", "203.0.113/24", "203.0.113.10/0",
)  # fmt: skip
HEADER_NAMES = (
    "X-Trunk", "User-Agent", "Contact", "From", "To", "Via", "CSeq", "Supported", "Allow", "P-Asserted-Identity",
    "Content-Type", "Call-ID", "Route", "Record-Route", "Subject", "Max-Forwards", "Event", "Session-Expires", "Min-SE",
    "Authorization", "Expires", "Accept", "Require", "Content-Length", "Date", "x-trunk", "Diversion",
)  # fmt: skip
ATOMS = (
    "a", "r", "e", "[a-z]", "[^a]", "[[:alpha:]]", "[[:digit:]]+", "\\.", ".", ".*", "^", "$", "(a|re)", "\\w", "\\b",
    "\\<", "{2}", "{,2}", "*", "+", "?", "|", "(", ")", "[", "[a-", "[]a]", "\\1", "red", "sip:", "\\+", "\\d", "[\\]",
    "[b-a]", "{1", "x{1,3}", "[[:foo:]]", "@", "ü",
)  # fmt: skip
USERS = (
    "alice", "Alice", "bob", "1001", "+15551230001", "anonymous", "a;b", "al%69ce", "al%ice", "%61lice", "trunk",
    "a%3Bb", "x-y_z", "alice:pw", "alice;phone-context=+1", "a#b", "%C3%BCnder", "a&b=c", "", "ali%00ce", "a/b?c",
)  # fmt: skip
HOSTS = (
    "pbx.example", "PBX.example", "carrier.example", "192.0.2.1", "203.0.113.10", "[2001:db8::10]", "a.invalid",
    "pbx.example:5060", "pbx.example:99999", "pbx.example:", "[]", "a_b.example", "192.0.2.1:0", "[2001:db8::10]:5061",
)  # fmt: skip
URI_PARAMETERS = (
    "", ";transport=udp", ";user=phone", ";lr", ";x=y", ";X=%41b", ";ttl=5", ";ttl=300", ";maddr=192.0.2.9", ";ob",
    ";method=INVITE", ";line=zyxwvut", ";x-ast-foo=1", ";a=\"q\"", "?h=v&i=j", ";transport=tcp;lr;zz", ";maddr=[::1]",
    ";=x", ";;", ";x=", ";user=", ";a b",
)  # fmt: skip
DISPLAYS = ("", "", "", '"Caller" ', "Caller ", '"a \\"b\\"" ', '"a;b,c" ', "Call er ", '"unclosed ', "a:b ", '"ü" ')
GENERIC_VALUES = (
    "red", "Red", " red", "red ", "red, blue", "", "a\r\n b", "a\r\n b\r\n c", "a\r\n b\r\n c\r\n d", "ü", "re\td",
    "<sip:red@x>;tag=1", '"quoted"', "a;b=c",
)  # fmt: skip
ODD_LINES = tuple(
    line.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")
    for line in (FIXTURES / "headers.txt").read_text().splitlines()[1:]
)
"""Header lines that are odd on purpose."""

PRINTING_ORDER = ("[global]", "type=global", "endpoint_identifier_order=header,request_uri,ip,username")


def generate(seed: int, number: int) -> dict[str, Any]:
    """One case for the oracle; in every third all headers are compared, so that Asterisk logs how it prints them."""
    draw = random.Random(f"{seed}-{number}")
    names = draw.sample(NAMES, draw.randint(1, 4))
    endpoints = [draw.choice((name, name, f"{name}@{draw.choice(DOMAINS)}")) for name in names]
    printing = number % 3 == 0
    lines = [*_transports(draw), *(PRINTING_ORDER if printing else _globals(draw))]
    for endpoint in dict.fromkeys(endpoints):
        lines += _endpoint(draw, endpoint)
    lines += ["[auth1]", "type=auth", "auth_type=userpass", "username=alice", "password=secret"]
    if draw.random() < 0.3:
        lines += [f"[{draw.choice(DOMAINS)}]", "type=domain_alias", f"domain={draw.choice(DOMAINS)}"]
    if printing:
        lines += _printing()
    for identify in draw.sample(("a-id", "m1", "m10", "Zulu", "z-id", "0first", "trunk"), draw.randint(0, 5)):
        lines += _identify(draw, identify, [*endpoints, "ghost"])
    if draw.random() < 0.1:
        lines += ["[acls]", "type=acl", *_acl(draw)]
    if draw.random() < 0.2:
        lines += ["[reg]", "type=registration", "server_uri=sip:192.0.2.200", "client_uri=sip:u@192.0.2.200"]
        lines += ["line=yes", f"endpoint={draw.choice(endpoints)}"]
    files = {"pjsip.conf": "\n".join(lines) + "\n"}
    if draw.random() < 0.3:
        files["acl.conf"] = "\n".join(["[office]", *_acl(draw), "[wide]", *_acl(draw)]) + "\n"
    requests = [_request(draw, f"r{n}", f"{seed}-{number}-{n}") for n in range(12)]
    hosts = {"sip.carrier.example": ["203.0.113.200", "2001:db8:1::1"]}
    return {"id": f"d{seed}-{number}", "files": files, "hosts": hosts, "srv": {}, "requests": requests}


def _printing() -> list[str]:
    lines = []
    for at, name in enumerate(dict.fromkeys(name.lower() for name in HEADER_NAMES)):
        lines += [f"[p{at}]", "type=identify", "endpoint=ghost", f"match_header={name}: /^never$/"]
    return [*lines, "[puri]", "type=identify", "endpoint=ghost", "match_request_uri=never"]


def _transports(draw: random.Random) -> list[str]:
    lines = []
    for name, protocol, bind in (
        ("t-udp", "udp", "0.0.0.0"),
        ("t-tcp", "tcp", "0.0.0.0"),
        ("t-udp6", "udp", "[::]:5060"),
    ):
        lines += [f"[{name}]", "type=transport", f"protocol={protocol}", f"bind={bind}"]
        if draw.random() < 0.25:
            lines.append(f"domain={draw.choice(DOMAINS)}")
    return lines


def _globals(draw: random.Random) -> list[str]:
    if draw.random() < 0.4:
        return []
    order = draw.sample(("ip", "username", "anonymous", "auth_username", "header", "request_uri"), draw.randint(1, 6))
    lines = [
        "[global]",
        "type=global",
        f"endpoint_identifier_order={draw.choice((',', ',', ', '))}".replace("=", "=", 1),
    ]
    lines[-1] = "endpoint_identifier_order=" + draw.choice((",", ",", ", ")).join(order)
    lines += [f"{option}=yes" for option in ("disable_multi_domain", "ignore_uri_user_options") if draw.random() < 0.2]
    return lines


def _endpoint(draw: random.Random, name: str) -> list[str]:
    lines = [f"[{name.replace(';', chr(92) + ';')}]", "type=endpoint", "context=default", "disallow=all", "allow=ulaw"]
    if draw.random() < 0.3:
        methods = ("ip", "username", "auth_username", "username,auth_username", "header", "ip,username")
        lines.append(f"identify_by={draw.choice(methods)}")
    if draw.random() < 0.25:
        lines.append(f"auth={draw.choice(('auth1', 'auth1', 'nowhere'))}")
    if draw.random() < 0.2:
        lines.append("allow_unauthenticated_options=yes")
    if draw.random() < 0.2:
        lines += _acl(draw)
    if draw.random() < 0.1:
        lines.append(f"acl={draw.choice(('office', 'wide', 'office,wide', 'missing'))}")
    if draw.random() < 0.1:
        lines += ["contact_deny=0.0.0.0/0", f"contact_permit={draw.choice(('203.0.113.0/24', '198.51.100.0/24'))}"]
    return lines


def _acl(draw: random.Random) -> list[str]:
    values = (
        "0.0.0.0/0",
        "203.0.113.0/28",
        "198.51.100.0/24",
        "!203.0.113.10",
        "203.0.113.10",
        "::/0",
        "2001:db8::/64",
    )
    return [f"{draw.choice(('deny', 'permit'))}={draw.choice(values)}" for _ in range(draw.randint(1, 3))]


def _identify(draw: random.Random, name: str, endpoints: list[str]) -> list[str]:
    lines = [f"[{name}]", "type=identify", f"endpoint={draw.choice(endpoints).replace(';', chr(92) + ';')}"]
    kind = draw.random()
    if kind < 0.55:
        lines += [f"match={draw.choice(MATCHES)}" for _ in range(draw.randint(1, 3))]
    if kind > 0.45:
        value = draw.choice(
            ("red", "//", "/re/", "/^$/", f"/{_regex(draw)}/", draw.choice(GENERIC_VALUES).split("\r")[0])
        )
        option = "match_header" if draw.random() < 0.75 else "match_request_uri"
        if option == "match_request_uri":
            value = draw.choice(("sip:1001@192.0.2.1", "/1001/", f"/{_regex(draw)}/", "tel:+15551230001"))
        lines.append(
            f"{option}={draw.choice(HEADER_NAMES) + ': ' if option == 'match_header' else ''}{value}".replace(
                ";", "\\;"
            )
        )
    return lines


def _regex(draw: random.Random) -> str:
    return "".join(draw.choice(ATOMS) for _ in range(draw.randint(1, 4)))


def uri(draw: random.Random) -> str:
    """A URI, odd more often than in life."""
    kind = draw.random()
    if kind < 0.06:
        return draw.choice(
            ("tel:+15551230001", "tel:+1-555;phone-context=x;ext=5;isub=6;a=b%41", "tel:abc", "tel:x", "TEL:911")
        )
    scheme = draw.choice(("sip", "sip", "sip", "sips", "SIP"))
    user = draw.choice(USERS) if draw.random() < 0.9 else ""
    host = draw.choice(HOSTS[:7]) if draw.random() < 0.8 else draw.choice(HOSTS)
    parameters = draw.choice(URI_PARAMETERS) if draw.random() < 0.4 else ""
    return f"{scheme}:{user}{'@' if user or draw.random() < 0.05 else ''}{host}{parameters}"


def _address(draw: random.Random, tag: str) -> str:
    value = uri(draw)
    if draw.random() < 0.12:
        return f"{value}{tag}"
    return f"{draw.choice(DISPLAYS)}<{value}>{draw.choice(('', '', ' '))}{tag}{draw.choice(('', '', '', ';x=%41;y'))}"


def _request(draw: random.Random, identity: str, unique: str) -> dict[str, Any]:
    v6 = draw.random() < 0.15
    source = draw.choice(SOURCES6 if v6 else SOURCES)
    transport = "tcp" if not v6 and draw.random() < 0.1 else "udp"
    port = draw.choice((5060, 5060, 5061, 5080))
    host = f"[{source}]" if v6 else source
    method = draw.choice(
        ("INVITE",) * 6 + ("OPTIONS", "MESSAGE", "REGISTER", "SUBSCRIBE", "invite", "NOTIFY", "PUBLISH")
    )
    odd = draw.random()
    request_uri = uri(draw) if odd < 0.3 else f"sip:1001@{draw.choice(DOMAINS[2:5])}"
    branch = f"z9hG4bK{unique}"
    sender = f"<sip:{draw.choice(USERS)}@{draw.choice(DOMAINS[:5])}>;tag=f{unique}"
    if 0.15 < odd < 0.45:
        sender = _address(draw, f";tag=f{unique}")
    lines = [
        f"{method} {request_uri} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {host}:{port};branch={branch}{draw.choice((';rport', ''))}",
        f"From: {sender}",
        f"To: {_address(draw, '') if draw.random() < 0.12 else '<sip:1001@192.0.2.1>'}",
        f"Call-ID: {unique}",
        f"CSeq: {draw.randint(1, 9999)} {method if draw.random() < 0.97 else 'INVITE'}",
        f"Max-Forwards: {draw.choice(('70', '0', '070'))}",
    ]
    if draw.random() < 0.95:
        lines.append(f"Contact: <sip:c@{host}:{port}>")
    if draw.random() < 0.5:
        name = draw.choice(("X-Trunk", "x-trunk", "User-Agent", "P-Asserted-Identity", "Subject"))
        lines.append(f"{name}: {draw.choice(GENERIC_VALUES)}")
    for _ in range(draw.choice((0, 0, 1, 1, 1))):
        lines.insert(draw.randint(1, len(lines)), draw.choice(ODD_LINES))
    if draw.random() < 0.04:
        del lines[draw.randint(1, 5)]
    if draw.random() < 0.1:
        lines = [_compact(line) for line in lines]
    lines.append("Content-Length: 0")
    end = "\n" if draw.random() < 0.04 else "\r\n"
    start = draw.choice(("", "", "", "", "", "\r\n", " ", "\r\n\r\n")) if draw.random() < 0.2 else ""
    raw = start + end.join(lines) + end + end
    return {"id": identity, "src": source, "sport": port, "dst": "2001:db8::1" if v6 else "192.0.2.1", "dport": 5060,
            "transport": transport, "raw": raw}  # fmt: skip


def _compact(line: str) -> str:
    name, colon, value = line.partition(":")
    short = {"via": "v", "from": "f", "to": "t", "call-id": "i", "contact": "m", "supported": "k", "subject": "s"}
    return f"{short.get(name.lower(), name)}{colon}{value}"
