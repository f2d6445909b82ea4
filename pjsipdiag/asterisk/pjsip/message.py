"""A message as PJSIP parses it, or why PJSIP drops it.

Law: the first syntax error anywhere in the request line or in a header that PJSIP has a parser for drops the whole
message without an answer; so does a missing Call-ID, From, To, Via or CSeq. Anything else is kept.
Replays int_parse_msg() of sip_parser.c and pjsip_tpmgr_receive_packet() of sip_transport.c.
"""

from __future__ import annotations

from functools import cached_property

from pjsipdiag.asterisk.pjsip.header import AddressHeader, AuthorizationHeader, ContactHeader, Header, ViaHeader
from pjsipdiag.asterisk.pjsip.header_parser import HeaderParser
from pjsipdiag.asterisk.pjsip.header_parts import method_name, parse_sip_version
from pjsipdiag.asterisk.pjsip.header_table import PARSERS
from pjsipdiag.asterisk.pjsip.scanner import ALPHA, DIGITS, NOT_NEWLINE, TOKEN, Scanner, SipSyntaxError
from pjsipdiag.asterisk.pjsip.uri import Uri
from pjsipdiag.asterisk.pjsip.uri_parser import UriParser, bounded_number
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.reasons.walk import WalkReason
from pjsipdiag.asterisk.releases import has
from pjsipdiag.dataclass import dataclass

MAX_HEADER_NAME = 32
"""Names from this length on are never looked up in the table of parsers (PJSIP_MAX_HNAME_LEN)."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The differences between PJSIP releases; the defaults are those of PJSIP 2.17."""

    empty_elements: bool = True
    empty_reference: bool = False
    any_length: bool = False


def dialect(version: str) -> Dialect:
    """How the PJSIP that an Asterisk release brings along reads messages."""
    strict = has(version, "strict_numbers")
    return Dialect(has(version, "empty_elements"), not strict, not strict)


@dataclass(frozen=True, slots=True)
class UnparsableMessage:
    """A message that PJSIP drops.

    `header` is the one at fault ("Request Line"), `line` and `column` count from 1. `log` is PJSIP's own text, whose
    line and column are off where a line ends. A packet of line ends only is dropped silently: `log` is empty.
    """

    why: Reason
    header: str = ""
    line: int = 0
    column: int = 0
    log: str = ""


@dataclass
class Request:
    """A request as PJSIP hands it to Asterisk; text is Latin-1, one character a byte."""

    method: str
    uri: Uri
    headers: list[Header]

    def headers_named(self, name: str) -> list[Header]:
        """Headers of that name, in any case, as PJSIP itself spells it."""
        return self._by_name.get(name.lower(), [])

    @cached_property
    def _by_name(self) -> dict[str, list[Header]]:
        found: dict[str, list[Header]] = {}
        for header in self.headers:
            found.setdefault(header.name.lower(), []).append(header)
        return found

    @cached_property
    def from_(self) -> AddressHeader:
        """The first From (pjsip_rx_data_clone)."""
        return self._addresses("From")[0]

    @cached_property
    def to(self) -> AddressHeader:
        """The first To."""
        return self._addresses("To")[0]

    @property
    def last_from(self) -> AddressHeader:
        """The last From: the one that the parser leaves in `msg_info`."""
        return self._addresses("From")[-1]

    @property
    def last_to(self) -> AddressHeader:
        """The last To."""
        return self._addresses("To")[-1]

    @cached_property
    def via(self) -> ViaHeader:
        """The first Via."""
        return next(h for h in self.headers if isinstance(h, ViaHeader))

    @property
    def authorizations(self) -> list[AuthorizationHeader]:
        """The Authorization headers (Proxy-Authorization is another)."""
        return [h for h in self.headers if isinstance(h, AuthorizationHeader) and h.name == "Authorization"]

    @property
    def contacts(self) -> list[ContactHeader]:
        return [h for h in self.headers if isinstance(h, ContactHeader)]

    def _addresses(self, name: str) -> list[AddressHeader]:
        return [h for h in self.headers if isinstance(h, AddressHeader) and h.name == name]


@dataclass(frozen=True, slots=True)
class Response:
    """A response that PJSIP takes; what becomes of it is not asked here. `status` is its code, 200 for OK."""

    status: int


_NO_NAME = "where a header name should stand"


def parse(raw: bytes, dialect: Dialect = Dialect()) -> Request | Response | UnparsableMessage:  # noqa: B008  (frozen)
    """The message in one datagram, or why PJSIP drops it."""
    # pjsip_tpmgr_receive_packet() passes over leading line ends before PJSIP counts its first line. Those that the
    # scanner meets after blanks are int_parse_msg()'s, and count.
    scanner = Scanner(raw.lstrip(b"\r\n").decode("latin-1"))
    while scanner.at_newline:
        scanner.get_newline()
    if scanner.at_end:
        return UnparsableMessage(WalkReason.KEEP_ALIVE())
    place, reply = "Request Line", False
    name = ""
    parser = HeaderParser(scanner, UriParser(dialect.empty_reference), dialect.empty_elements, dialect.any_length)
    try:
        reply = _starts_with_version(scanner)
        place = "Status Line" if reply else "Request Line"
        if reply:
            status = _status_line(scanner)
        else:
            method, uri = _request_line(scanner, parser.uris)
        place = ""
        while True:
            name = ""  # PJSIP logs no name where the name itself is at fault (hname.slen = 0)
            name = scanner.get(TOKEN)
            if scanner.get_char() != ":":
                raise SipSyntaxError
            known = PARSERS.get(name.lower()) if len(name) < MAX_HEADER_NAME else None
            if known:
                known(parser)
            else:
                parser.generic(name)
            if scanner.at_end or scanner.at_newline:
                break
    except SipSyntaxError as refused:
        return _explain_unparsable(refused, place or name, scanner)
    missing = [name for name in ("Call-ID", "From", "To", "Via", "CSeq") if not _has(parser.headers, name)]
    blank = "" if missing == ["Call-ID"] else " "  # PJSIP names the last one only
    if missing:
        return UnparsableMessage(
            WalkReason.NO_HEADERS(headers=", no ".join(missing)),
            header=missing[0],
            log=f"Missing required header(s) (PJSIP_EMISSINGHDR) {blank}{missing[-1]}",
        )
    return Response(status) if reply else Request(method, uri, parser.headers)


def _has(headers: list[Header], name: str) -> bool:
    return any(header.name == name for header in headers)


def _explain_unparsable(refused: SipSyntaxError, place: str, scanner: Scanner) -> UnparsableMessage:
    kind = "PJSIP invalid value error" if refused.value else "PJSIP syntax error"
    before = scanner.text[: scanner.position]
    line = before.count("\n") + 1
    length = len(scanner.text.split("\n")[line - 1].rstrip("\r\0"))
    column = min(len(before) - before.rfind("\n"), length + 1)
    what = "a number out of range" if refused.value else "a syntax error"
    first = place in ("Request Line", "Status Line")
    where = f"in {place!r}" if first else WalkReason.IN_HEADER(header=place) if place else _NO_NAME
    return UnparsableMessage(
        WalkReason.REFUSED_AT(what=what, where=where, line=line, column=column),
        place,
        line,
        column,
        f"{kind} exception when parsing '{place}' header on line {scanner.line} col {scanner.column}",
    )


def _starts_with_version(scanner: Scanner) -> bool:
    """is_next_sip_version()."""
    name, after = scanner.peek(ALPHA)
    return after in "/ \t" and name.upper() == "SIP"


def _status_line(scanner: Scanner) -> int:
    parse_sip_version(scanner)
    status = bounded_number(scanner.get(DIGITS), 100, 999)
    if not scanner.at_newline:
        scanner.get(NOT_NEWLINE)
    scanner.get_newline()
    return status


def _request_line(scanner: Scanner, uris: UriParser) -> tuple[str, Uri]:
    method = method_name(scanner.get(TOKEN))
    uri = uris.uri(scanner)
    parse_sip_version(scanner)
    scanner.get_newline()
    return method, uri
