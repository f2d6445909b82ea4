"""SIP as PJSIP parses and prints it: what it drops never reaches Asterisk.

In come the bytes of a message; out comes a Message with headers and URIs, or the syntax error for which PJSIP drops it.

    scanner          PJSIP's pj_scanner over bytes
    uri, uri_parser         sip:, sips:, tel: and other URIs: the value, and its parser
    header, header_parser   the same for headers, each with its own grammar; header_parts, header_table
    message          the whole: start line, headers, the limits of pjsip_parse_msg (sip_parser.c)

Imports: `releases` only. The lenient reader of heads that everybody else uses is `pjsipdiag.sip`; this one is exact. A
header's grammar is a function of `header_parser` and a row of `header_table`.
"""
