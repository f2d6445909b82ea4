"""The written forms of SIP: how a line announces a message, and texts that are named for what they are.

A form is a row of FORMS: what a buffer is searched for, and the line as an expression with the groups `size`,
`transport`, `from`, `to` and `time` as far as the form tells them. What tells too little to be judged is a row of NAMED_TEXTS.
"""

# ruff: noqa: E501  (an expression is read more easily in one line)
from __future__ import annotations

import re

from pjsipdiag.capture.source.tcpdump import RECORD
from pjsipdiag.dataclass import NamedTuple

_HOST = rb"(?:\[[0-9A-Fa-f:.%\w]+\]|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}|[\w*<>-]+(?:\.[\w*<>-]+)*)"
_PLACE = _HOST + rb":\d{1,5}"


class TextForm(NamedTuple):
    """`needles` are bytes that each such line has; `tail` is what the form puts behind each line of a message."""

    name: str
    needles: tuple[bytes, ...]
    line: re.Pattern[bytes]
    tail: bytes = b""


PJSIP = TextForm(
    "the SIP logger of Asterisk's PJSIP",
    (b"SIP request (", b"SIP response ("),
    re.compile(
        rb"(?:<-|-)-{0,7}\s*(?:Received|Transmitting)\s+SIP\s+(?:request|response)\s+\((?P<size>[0-9]{1,6})\s+bytes\)\s+"
        rb"(?:from\s+(?P<transport>[A-Za-z]{2,4})6?:(?P<from>[^\n]{1,80}?)|to\s+(?P<over>[A-Za-z]{2,4})6?:(?P<to>[^\n]{1,80}?))"
        rb"\s*-{1,8}>"
    ),
)
HISTORY = TextForm(
    "an entry of `pjsip show history`",
    (b"History Entry ",),
    re.compile(
        rb"<?-{1,4}\s*History Entry (?P<number>\d{1,9}) (?:Received from (?P<from>[^\n]{1,80}?)|Sent to (?P<to>[^\n]{1,80}?))"
        rb" at (?P<time>[^\n]{1,40}?)\s*-{1,4}>"
    ),
)
ARROW = TextForm(
    "a viewer's text",
    (b" -> ", b" --> ", b" ---> ", b" \xe2\x86\x92 "),
    re.compile(
        rb"(?:^|(?<=[\s\[(]))(?P<from>"
        + _PLACE
        + rb") (?:-{1,3}>|\xe2\x86\x92) (?P<to>"
        + _PLACE
        + rb")(?=[\s\]):]|$)(?: \[[A-Z]{1,8}\])?(?: \((?P<size>[0-9]{1,6}) bytes\)| #\d{1,9}(?=\r?$))?",
        re.MULTILINE,
    ),
    b".",
)
TCPDUMP = TextForm(
    "tcpdump's text",
    (b" > ",),
    re.compile(
        rb"(?:\bIP6?\b[^\n]{0,200}?[\s)]|[ \t]{4})(?P<from>[0-9A-Fa-f:.]+\.[\w-]{1,15}) > (?P<to>[0-9A-Fa-f:.]+\.[\w-]{1,15}):"
    ),
    b".",
)
FORMS = (PJSIP, HISTORY)
"""Forms that say on which side Asterisk is."""
VIEWERS = (ARROW, TCPDUMP)
"""Forms that name both sides. Such lines are looked for as long as no line of FORMS was seen."""


class UnjudgedText(NamedTuple):
    """A text that is known, but cannot be judged: what it is, and what to bring in its place.

    One of `needles` is in each such text. `inside` says that it may stand in a log of Asterisk.
    """

    needles: tuple[bytes, ...]
    line: re.Pattern[bytes]
    what: str
    bring: str
    inside: bool = False

    def is_in(self, text: bytes) -> bool:
        return any(needle in text for needle in self.needles) and self.line.search(text) is not None


_PCAP = f"bring the capture itself: `{RECORD}`, or `pjsip set logger on`"
BARE_SIP = UnjudgedText(
    (b" SIP/2.0", b"SIP/2.0 "),
    re.compile(
        rb"^(?:.{0,200}[^A-Za-z0-9])??(?:(?:INVITE|REGISTER|OPTIONS|SUBSCRIBE|BYE|ACK|CANCEL|NOTIFY|MESSAGE|PUBLISH)"
        rb" sips?:\S{1,500} SIP/2\.0|SIP/2\.0 [1-6]\d\d )",
        re.MULTILINE,
    ),
    "SIP messages alone, without the lines that say who sent them to whom (a stream copied from a viewer?): the source"
    " address decides, and a Via is what the sender claims",
    "bring the capture itself, or Asterisk's log with `pjsip set logger on`; `pjsipdiag explain ADDRESS --from URI`"
    " answers for an address that you know",
    inside=True,
)  # fmt: skip
"""SIP without the lines that announce it."""
NAMED_TEXTS = (
    UnjudgedText(
        (b"SIP read from ", b" (NAT)", b"no NAT)", b"chan_sip.c", b"Really destroying SIP", b"* SIP Call", b"User/ANR", b'Service="SIP"'),
        re.compile(
            rb"\bSIP read from |\b(?:Reliably )?(?:Transmitting|Retransmitting #\d+) \((?:no )?NAT\)|"
            rb"chan_sip\.c(?::\d+| |\b)|Really destroying SIP dialog|\* SIP Call\s|\bPeer\s+User/ANR\s+Call ID|"
            rb'SecurityEvent="[^\n]{0,200}Service="SIP"'
        ),
        "a trace of chan_sip (`sip set debug on`, `sip show history`), the driver that sip.conf configures: pjsip.conf decides nothing in it",
        "where PJSIP answers, use `pjsip set logger on`; a capture (`tcpdump -i any -s 0 -w call.pcap port 5060`) shows"
        " which of the two does",
        inside=True,
    ),
    UnjudgedText(
        (b"(Dir)", b" * <==", b" * ==>"),
        re.compile(rb"^No\.\s+Timestamp\s+\(Dir\)\s+Address|^\d{5} \d{9,10}(?:\.\d+)?\s+\* (?:<==|==>)", re.MULTILINE),
        "the list of `pjsip show history`, which has first lines only",
        "bring the messages: `pjsip show history entry NUMBER` for each of them, or `pjsip set logger on`",
        inside=True,
    ),
    UnjudgedText(
        (b"..",),
        re.compile(rb"^[ \t]*(?:[A-Z]{3,9} sips?:\S+ SIP/2\.0|SIP/2\.0 \d{3} [^.\n]{0,40})\.{2,4}[A-Za-z-]{1,30}: ", re.MULTILINE),
        "ngrep's text with each message in one line, dots for its line ends",
        "take `ngrep -W byline`, which keeps the lines, or better `ngrep -O call.pcap`",
    ),
    UnjudgedText(
        (b'"_source"', b"<pdml", b"<psml", b'"layers"'),
        re.compile(rb'"_source"|<p[ds]ml\b|"layers"\s*:'),
        "packets as tshark writes them in JSON, PDML or PSML",
        "bring the capture that they were made of, as pcap",
    ),
    UnjudgedText(
        (b"(5060)", b"Call flow for", b"\xe2\x94\x80>", b"<\xe2\x94\x80"),
        re.compile(
            rb"^\|.{0,80}\(\d{2,5}\) +[<-]-{5,}[->]|Call flow for \S|(?:\xe2\x94\x80){4}>|<(?:\xe2\x94\x80){4}", re.MULTILINE
        ),
        "the picture of a call, without the messages",
        "bring the capture that it shows, as pcap (in sngrep: F2)",
    ),
    UnjudgedText(
        (b"kamailio", b"opensips", b"<script>", b"DBG:", b"INFO: ", b"ERROR: "),
        re.compile(
            rb"\b(?:kamailio|opensips)\[\d+\]: |^[ \t]*\d{1,4}\(\d+\) (?:INFO|ERROR|WARNING|NOTICE|DEBUG|CRITICAL|ALERT): |"
            rb"\b(?:DBG|INFO|ERROR):[a-z_]+:\w+: |\b(?:INFO|ERROR|NOTICE|DEBUG): <script>",
            re.MULTILINE,
        ),
        "the log of a SIP proxy (Kamailio, OpenSIPS), which reads no pjsip.conf",
        _PCAP + " on the PBX behind it",
    ),
    UnjudgedText(
        (b"Session Initiation Protocol (", b"-Line: "),
        re.compile(rb"^[ \t]*Session Initiation Protocol \(|^[ \t]*(?:Request|Status)-Line: ", re.MULTILINE),
        "Wireshark's dissection printed as text",
        "bring the capture that it shows (File, Export Specified Packets, as pcap)",
    ),
    UnjudgedText(
        (b"Request: ", b"Status: ", b"ip.src", b"sip.", b"\tINVITE", b"\tREGISTER", b"\tOPTIONS"),
        re.compile(
            rb"^.{0,160}\bSIP(?:/SDP)?\b.{0,40}?(?:Request: [A-Z]+ sips?:|Status: \d{3} )|[\"\t|,]Request: [A-Z]+ sips?:|"
            rb"\bip(?:v6)?\.src\b.{0,200}\bip(?:v6)?\.dst\b|\bsip\.(?:Method|r-uri|Status-Code|Call-ID|from|to)\b.{0,99}\bsip\.|"
            rb"^(?:[^\t\n]{0,40}\t){0,4}[0-9A-Fa-f.:]{7,39}\t(?:[^\t\n]{0,40}\t){1,4}(?:INVITE|REGISTER|OPTIONS)\b",
            re.MULTILINE,
        ),
        "a list of packets, or fields of them, as Wireshark or tshark prints it, without the messages",
        "bring the capture that it shows, as pcap",
    ),
    UnjudgedText(
        (b"recv ", b"send ", b"tport_", b"sofia"),
        re.compile(rb"\b(?:recv|send) \d+ bytes (?:from|to) (?:udp|tcp|tls|wss?)/\[|\btport_\w{3,30}\(|\bsofia(?:_\w+)?\.c:\d"),
        "a trace of FreeSWITCH (sofia), which reads no pjsip.conf",
        _PCAP,
    ),
    UnjudgedText(
        (b" bytes)", b" SIP Message ", b"ccsipDisplayMsg", b"Message ", b"message ", b"channel [", b"WebSocket", b"Send to: ", b"Received from: ",
         b" received from ", b" sent to ", b"coming SIP ", b"going SIP "),
        re.compile(
            rb"^[ \t]*(?:Received from|Sent to) (?:udp|tcp|tls):\S{3,80} at .{5,60} \(\d+ bytes\)|"
            rb"---- (?:Incoming|Outgoing) SIP Message (?:from|to) \S|\bccsipDisplayMsg:|"
            rb"\bMessage (?:recv|sent): ?\(|\b(?:UDP|TCP|TLS) message (?:received \[|sent[ (])|"
            rb"\b(?:received \[\d+\] new bytes from|message sent to) \[(?:UDP|TCP|TLS)://|"
            rb"^[ \t]*(?:Send to|Received from): (?:udp|tcp|tls):\S|\b(?:Received|Sending) WebSocket (?:text )?message:|"
            rb"\bOn \[\d+:\d+\]\S{3,60} (?:received from|sent to) \S|\b(?:Incoming|Outgoing) SIP (?:UDP|TCP|TLS) message (?:from|to) \S",
            re.MULTILINE,
        ),
        "the trace of a telephone, gateway or another SIP program at its own side (snom, AudioCodes, Cisco, Oracle,"
        " Linphone, SIPp, SIP.js or the like): who called Asterisk from which address it does not tell",
        _PCAP + " on the PBX",
    ),
    UnjudgedText(
        (b"X ",),
        re.compile(rb"\b[RT]X \d+ bytes (?:Request|Response) msg [A-Z0-9]+/"),
        "a trace of the PJSIP library (pjsua or a telephone), not of Asterisk's logger",
        _PCAP + " on the PBX",
    ),
    UnjudgedText(
        (b"Call List", b"[ ] ", b"[*] "),
        re.compile(rb"Call List\b.{0,200}Method\b.{0,80}SIP From|^[ \t]*\[.\][ \t]+\d+[ \t]+(?:INVITE|REGISTER|OPTIONS)\s", re.MULTILINE | re.DOTALL),
        "the screen of a SIP viewer, without the messages",
        "save the dialogs there as pcap (in sngrep: F2)",
    ),
    UnjudgedText(
        (b"!!binary",),
        re.compile(rb"^[ \t]*data: !!binary \|", re.MULTILINE),
        "a stream that Wireshark saved as YAML",
        "bring the capture itself (File, Export Specified Packets, as pcap)",
    ),
    UnjudgedText(
        (b"0x0000", b"0000  ", b"0000: ", b"0000000 ", b", 0x", b"494e56495445", b"5349502f322e30"),
        re.compile(
            rb"^[ \t]*0x[0-9a-f]{4}:? {1,2}(?:[0-9a-f]{2,4} ){4}|^[0-9a-f]{4,8}:? {1,2}(?:[0-9a-f]{2} ?){8}|"
            rb"^[0-7]{7}(?: +(?:[0-7]{3}|\\[rnt0]|[!-~])){8}|^[ \t]*(?:0x[0-9a-f]{2}, ?){6}|^[ \t]*(?:[0-9a-f]{2}){40}",
            re.MULTILINE | re.IGNORECASE,
        ),
        "packets printed in hexadecimal or octal",
        _PCAP,
    ),
    UnjudgedText(
        (b" > ",),
        re.compile(rb"^.{0,100}\bIP6? \S{1,60} > \S{1,60}: (?:SIP|UDP|Flags|ip-proto)", re.MULTILINE),
        "packets as tcpdump prints them, without the messages",
        f"write them instead of printing: `{RECORD}`",
    ),
    UnjudgedText(
        (b"type",),
        re.compile(
            rb"^[ \t]*type[ \t]*=>?[ \t]*(?:endpoint|identify|aor|transport|auth|registration|global|wizard)\b", re.MULTILINE
        ),
        "a configuration (pjsip.conf or the like), no capture",
        "give it with -c, and a capture or a log in its place",
    ),
    UnjudgedText(
        (b"srcIp", b"src_ip", b"source_ip", b"dstIp"),
        re.compile(rb"\b(?:srcIp|src_ip|source_ip)\b"),
        "a list as Homer exports it in JSON or CSV, without the messages",
        "save them there as PCAP, or as text",
    ),
    UnjudgedText(
        (b"Endpoint/CID", b"active channel", b"Privilege: ", b"QUEUESTART", b",\"DOCUMENTATION\"", b"Objects found", b"No objects found"),
        re.compile(
            rb"<Endpoint/CID|^\d+ active channels?\b|^Privilege: [a-z]+,|\|QUEUESTART\||,\"DOCUMENTATION\",|^(?:No o|O)bjects found",
            re.MULTILINE,
        ),
        "what Asterisk shows or records elsewhere (its commands, AMI, CDR, queues), without the requests",
        "bring its log with `pjsip set logger on`, or a capture: `tcpdump -i any -s 0 -w call.pcap port 5060`",
        inside=True,
    ),
    UnjudgedText(
        (b"fail2ban", b" SRC=", b"[UFW"),
        re.compile(rb"\bfail2ban\.\w+|\bSRC=\S{1,60} DST=\S{1,60} "),
        "the log of a firewall or of fail2ban: who was shut out, not what was asked",
        _PCAP,
    ),
    UnjudgedText((b"{\\rtf",), re.compile(rb"\A\s*\{\\rtf"), "rich text of a word processor", "save it as plain text, or bring the log file itself"),
    BARE_SIP,
)  # fmt: skip
"""The first that fits names the text."""
