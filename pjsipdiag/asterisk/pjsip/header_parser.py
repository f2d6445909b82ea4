"""The header parsers of PJSIP.

Law: a header in a row of `header_table.PARSERS` is read by its grammar, and an error there refuses the message; any
other is kept as one string, whatever stands in it.
Replays the header part of sip_parser.c, sip_auth_parser.c, evsub_msg.c and sip_timer.c.
"""

from __future__ import annotations

from dataclasses import field

from pjsipdiag.asterisk.pjsip.header import (
    AddressHeader,
    ArrayHeader,
    AuthorizationHeader,
    ContactHeader,
    CSeqHeader,
    Header,
    RouteHeader,
    ViaHeader,
    pair,
    quoted_if,
)
from pjsipdiag.asterisk.pjsip.header_parts import (
    CHALLENGE_FIELDS,
    CREDENTIAL_FIELDS,
    INT32,
    keep_contact_parameter,
    keep_via_parameter,
    leading_number,
    method_name,
    parse_sip_version,
)
from pjsipdiag.asterisk.pjsip.scanner import (
    DIGITS,
    NOT_COMMA_OR_NEWLINE,
    NOT_NEWLINE,
    TOKEN,
    VIA_PARAM,
    Scanner,
    SipSyntaxError,
)
from pjsipdiag.asterisk.pjsip.uri import Parameters, escape, print_parameters
from pjsipdiag.asterisk.pjsip.uri_parser import UriParser, bounded_number, parse_host, parse_parameter
from pjsipdiag.dataclass import dataclass

MAX_VALUES = 32
"""Values that Accept, Allow, Require, Supported and Unsupported hold (PJSIP_GENERIC_ARRAY_MAX_COUNT)."""


@dataclass(slots=True)
class HeaderParser:
    """The header parsers over one message: Require and Supported add to the first header of their name.

    `empty_elements` says whether the release passes over empty elements in Accept, Allow, Supported, ...;
    `any_length` whether it takes a Content-Length of any size.
    """

    scanner: Scanner
    uris: UriParser
    empty_elements: bool
    any_length: bool
    headers: list[Header] = field(default_factory=list)

    def generic(self, name: str) -> None:
        """parse_hdr_generic_string(): of a header folded over more than two lines only the last lines are kept."""
        scanner = self.scanner
        value = ""
        while NOT_NEWLINE.match(scanner.next):
            value = scanner.get(NOT_NEWLINE)
            if scanner.at_end or scanner.at_newline:
                break
            value = f"{value} {scanner.get(NOT_NEWLINE)}"
        self._end()
        self.headers.append(Header(name, value))

    def call_id(self) -> None:
        value = self.scanner.get(NOT_NEWLINE)
        self._end()
        self.headers.append(Header("Call-ID", value))

    def array(self, name: str, merged: bool = False) -> None:
        """parse_generic_array_hdr()."""
        kept = next((h for h in self.headers if isinstance(h, ArrayHeader) and h.name == name), None)
        if kept is None or not merged:
            kept = ArrayHeader(name)
            new = True
        else:
            new = False
        self._values(kept.values)
        self._end()
        if new:
            self.headers.append(kept)

    def _values(self, values: list[str]) -> None:
        scanner = self.scanner
        if scanner.at_end or scanner.at_newline:
            return
        # Only a header that adds to a full array is refused here. A 33rd value is not read: the comma before it
        # stays, and parse_hdr_end() refuses that.
        if len(values) >= MAX_VALUES:
            raise SipSyntaxError
        while len(values) < MAX_VALUES:
            while self.empty_elements and scanner.next == ",":
                scanner.get_char()
            if self.empty_elements and (scanner.at_end or scanner.at_newline):
                return
            values.append(scanner.get(NOT_COMMA_OR_NEWLINE))
            if scanner.next != ",":
                return
            if not self.empty_elements and len(values) < MAX_VALUES:
                scanner.get_char()

    def number(self, name: str) -> None:
        """parse_generic_int_hdr()."""
        text = str(leading_number(self.scanner.get(DIGITS)))
        self._end()
        self.headers.append(Header(name, text))

    def content_length(self) -> None:
        digits = self.scanner.get(DIGITS)
        value = leading_number(digits) if self.any_length else bounded_number(digits, 0, INT32)
        self._end()
        self.headers.append(Header("Content-Length", str(value)))

    def content_type(self) -> None:
        scanner = self.scanner
        kind = scanner.get(TOKEN)
        scanner.get_char()
        text = f"{kind}/{scanner.get(TOKEN)}"
        text += print_parameters(self._parameters(), TOKEN, TOKEN)
        self._end()
        self.headers.append(Header("Content-Type", text))

    def cseq(self) -> None:
        number = bounded_number(self.scanner.get(DIGITS), 0, INT32)
        method = method_name(self.scanner.get(TOKEN))
        self._end()
        self.headers.append(CSeqHeader("CSeq", number=number, method=method))

    def from_or_to(self, name: str) -> None:
        """parse_hdr_fromto()."""
        header = AddressHeader(name, address=self.uris.uri_or_name_address(self.scanner))
        for parameter, value in self._parameters():
            if parameter.lower() == "tag":
                header.tag = value
            else:
                header.parameters.append((parameter, value))
        self._end()
        self.headers.append(header)

    def contact(self) -> None:
        scanner = self.scanner
        while True:
            if scanner.next == "*":
                scanner.get_char()
                self.headers.append(ContactHeader("Contact"))
            else:
                header = ContactHeader("Contact", address=self.uris.uri_or_name_address(scanner))
                while scanner.next == ";":
                    scanner.get_char()
                    keep_contact_parameter(header, *parse_parameter(scanner))
                self.headers.append(header)
            if scanner.next != ",":
                break
            scanner.get_char()
        self._end()

    def route(self, name: str) -> None:
        """parse_hdr_rr_route()."""
        while True:
            header = RouteHeader(name, address=self.uris.name_address(self.scanner))
            header.parameters = self._parameters()
            self.headers.append(header)
            if self.scanner.next != ",":
                break
            self.scanner.get_char()
        self._end()

    def retry_after(self) -> None:
        scanner = self.scanner
        text = str(bounded_number(scanner.get(DIGITS), 0, INT32))
        comment, parameters = "", []
        while not scanner.at_end and not scanner.at_newline:
            if scanner.next == "(":
                comment = scanner.get_quoted("(", ")")[1:-1]
            elif scanner.next == ";":
                scanner.get_char()
                parameters.append(parse_parameter(scanner))
            else:
                raise SipSyntaxError
        self._end()
        if comment:
            text += comment if comment.startswith("(") else f"({comment})"
            text += " " if parameters else ""
        self.headers.append(Header("Retry-After", text + print_parameters(parameters, TOKEN, TOKEN)))

    def via(self) -> None:
        scanner = self.scanner
        while True:
            header = ViaHeader("Via")
            parse_sip_version(scanner)
            if scanner.get_char() != "/":
                raise SipSyntaxError
            header.transport = scanner.get(TOKEN)
            header.host = parse_host(scanner, self.uris.empty_reference)
            if scanner.next == ":":
                scanner.get_char()
                header.port = bounded_number(scanner.get(DIGITS), 0, 65535)
            while scanner.next == ";":
                scanner.get_char()
                keep_via_parameter(header, *parse_parameter(scanner, VIA_PARAM))
            if scanner.next == "(":
                scanner.get_char()
                scanner.get_until(")")
                scanner.get_char()
            self.headers.append(header)
            if scanner.next != ",":
                break
            scanner.get_char()
        self._end()

    def authorization(self, name: str) -> None:
        """int_parse_hdr_authorization(): only Digest."""
        header = AuthorizationHeader(name, scheme=self._digest())
        for parameter, value in self._comma_parameters():
            text = value[1:-1] if value.startswith('"') else value
            if parameter.lower() in CREDENTIAL_FIELDS:
                header.values[parameter.lower()] = text
            else:
                header.parameters.append((parameter, text))
        self._end()
        self.headers.append(header)

    def authenticate(self, name: str) -> None:
        """int_parse_hdr_authenticate(): only Digest."""
        scheme = self._digest()
        values: dict[str, str] = {}
        others: Parameters = []
        for parameter, value in self._comma_parameters():
            if parameter.lower() in CHALLENGE_FIELDS:
                values[parameter.lower()] = value[1:-1] if value.startswith('"') else value
            else:
                others.append((parameter, value))
        self._end()
        get = values.get
        text = (
            f'{scheme} realm="{get("realm", "")}"',
            quoted_if(",domain=", get("domain", "")),
            quoted_if(",nonce=", get("nonce", "")),
            quoted_if(",opaque=", get("opaque", "")),
            ",stale=true" if get("stale", "").lower() == "true" else "",
            pair(",algorithm=", get("algorithm", "")),
            quoted_if(",qop=", get("qop", "")),
            print_parameters(others, TOKEN, TOKEN, ","),
        )
        self.headers.append(Header(name, "".join(text)))

    def event(self) -> None:
        text = self.scanner.get(TOKEN)
        parameters = self._parameters()
        self._end()
        for value in [value for name, value in parameters if name.lower() == "id"][-1:]:
            text += f";id={value}" if value else ""
        others = [(name, value) for name, value in parameters if name.lower() != "id"]
        self.headers.append(Header("Event", text + print_parameters(others, TOKEN, TOKEN)))

    def subscription_state(self) -> None:
        text = self.scanner.get(TOKEN)
        reason, expires, retry, others = "", -1, -1, []
        for name, value in self._parameters():
            match name.lower():
                case "reason":
                    reason = value
                case "expires":
                    expires = min(leading_number(value), 0xFFFFFFFE)
                case "retry-after":
                    retry = leading_number(value)
                case _:
                    others.append((name, value))
        self._end()
        text += f";reason={escape(reason, TOKEN)}" if reason else ""
        text += f";expires={expires}" if expires >= 0 else ""
        text += f";retry-after={retry}" if 0 <= retry <= INT32 else ""
        self.headers.append(Header("Subscription-State", text + print_parameters(others, TOKEN, TOKEN)))

    def session_expires(self) -> None:
        text = str(leading_number(self.scanner.get(DIGITS)))
        parameters = self._parameters()
        self._end()
        for value in [value for name, value in parameters if name.lower() == "refresher"][-1:]:
            text += f";refresher={value}" if value else ""
        others = [(name, value) for name, value in parameters if name.lower() != "refresher"]
        self.headers.append(Header("Session-Expires", text + print_parameters(others, TOKEN, TOKEN)))

    def min_se(self) -> None:
        text = str(leading_number(self.scanner.get(DIGITS)))
        text += print_parameters(self._parameters(), TOKEN, TOKEN)
        self._end()
        self.headers.append(Header("Min-SE", text))

    def _parameters(self) -> Parameters:
        parameters = []
        while self.scanner.next == ";":
            self.scanner.get_char()
            parameters.append(parse_parameter(self.scanner))
        return parameters

    def _comma_parameters(self) -> Parameters:
        parameters = [parse_parameter(self.scanner)]
        while self.scanner.next == ",":
            self.scanner.get_char()
            parameters.append(parse_parameter(self.scanner))
        return parameters

    def _digest(self) -> str:
        scanner = self.scanner
        scheme = scanner.get_quoted()[1:-1] if scanner.next == '"' else scanner.get(TOKEN)
        if scheme.lower() != "digest":
            raise SipSyntaxError
        return scheme

    def _end(self) -> None:
        """parse_hdr_end()."""
        if self.scanner.at_end:
            return
        if self.scanner.next == "&":
            self.scanner.get_char()
        else:
            self.scanner.get_newline()
