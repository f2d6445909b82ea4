"""The words that may stay of a message in a redacted copy: those of the protocol, and nothing that anybody can
choose."""

from __future__ import annotations

import re

from pjsipdiag.sip import METHODS

KEPT_HEADERS = frozenset(
    {
        "accept", "allow", "content-type", "cseq", "event", "expires", "max-forwards", "min-se", "rack", "require",
        "rseq", "session-expires", "supported", "content-encoding", "proxy-require", "unsupported",
    }
)  # fmt: skip
"""Headers that hold nothing of anybody."""
ADDRESS_HEADERS = frozenset(
    {
        "contact", "diversion", "from", "p-asserted-identity", "p-preferred-identity", "path", "record-route",
        "refer-to", "referred-by", "remote-party-id", "reply-to", "route", "to",
    }
)  # fmt: skip
PRODUCT_HEADERS = frozenset({"server", "user-agent"})
CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate"})
PARAMETER_WORDS = frozenset(
    {
        "udp", "tcp", "tls", "sctp", "ws", "wss", "phone", "ip", "dialstring", "invite", "register", "options",
        "subscribe", "notify", "uac", "uas", "gzip", "full", "off", "yes", "no", "on", "true", "false", "user-busy",
        "no-answer", "unavailable", "unconditional", "time-of-day", "do-not-disturb", "deflection", "follow-me",
        "out-of-service", "away", "unknown", "calling", "called", "auth", "auth-int", "md5", "sha-256",
        "sha-512-256", "md5-sess", "md5_sess", "akav1-md5", "refresher",
    }
)  # fmt: skip
"""Words of the protocol that a parameter's value may be."""
FLAG_PARAMETERS = frozenset({"lr", "rport", "ob", "line", "hide", "gruu", "alias", "keep", "outbound"})
"""Parameters without a value, or whose numbers say nothing of anybody."""
NUMBER_PARAMETERS = frozenset(
    {"expires", "q", "ttl", "rport", "counter", "reg-id", "cause", "refresher", "index", "lr"}
)
TOKEN_PARAMETERS = frozenset(
    {"transport", "user", "method", "reason", "privacy", "screen", "party", "id-type", "refresher"}
)
HOST_PARAMETERS = frozenset({"received", "maddr"})
SCHEMES = frozenset({"sip", "sips", "tel", "urn", "mailto", "im", "pres", "http", "https"})
MEDIA_LINE = re.compile(
    r"m=(audio|video|image|text|application|message) \d{1,5}(?:/\d)? (?:UDP/TLS/)?(?:RTP/S?AVPF?|UDPTL|udptl"
    r"|(?:TCP/)?(?:TLS/)?MSRP|(?:UDP/|TCP/)?DTLS/SCTP|UDP|TCP)(?: \d{1,3}\b| t38\b)*"
)
RTPMAP = re.compile(r"a=rtpmap:\d{1,3} (?P<codec>[A-Za-z0-9.-]{1,24})/\d{4,6}(?:/\d)?", re.IGNORECASE)
CODECS = frozenset(
    {
        "pcmu", "pcma", "gsm", "g722", "g723", "g726-16", "g726-24", "g726-32", "g726-40", "g728", "g729", "g729a",
        "ilbc", "opus", "speex", "l16", "amr", "amr-wb", "silk", "siren7", "siren14", "telephone-event", "cn", "red",
        "h261", "h263", "h263-1998", "h263-2000", "h264", "h265", "vp8", "vp9", "t140", "dvi4", "lpc", "evs", "codec2",
        "isac", "mp4v-es", "aal2-g726-32", "g719", "g7221",
    }
)  # fmt: skip
ATTRIBUTE = re.compile(
    r"a=(?:sendrecv|sendonly|recvonly|inactive|ptime:\d{1,3}|maxptime:\d{1,3}|rtcp-mux|fmtp:\d{1,3} (?:\d{1,2}-\d{1,2}"
    r"|annexb=(?:yes|no)|mode=\d{1,2}))"
)
FIXED = {
    "content-type": re.compile(r"(?:application|text|multipart|message)/(?:sdp|isup|mixed|plain|dtmf-relay|dtmf"
        r"|pidf\+xml|simple-message-summary|related|sipfrag|qsig|media_control\+xml)", re.IGNORECASE),
    **{
        name: re.compile(r"(?:\d{1,7}|2147483647|4294967295)(?!\d)")
        for name in ("expires", "max-forwards", "min-se", "session-expires", "rseq")
    },
}  # fmt: skip
"""The part that stays of a header with a grammar of its own: the beginning that is the protocol's."""
NUMBERED_HEADERS = {
    "cseq": re.compile(r"((?:\d{1,10}[ \t]+))(\S+)"),
    "rack": re.compile(r"((?:\d{1,10}[ \t]+){2})(\S+)"),
}
"""Headers of numbers and a method."""
LISTED_WORDS = frozenset(
    {
        "invite", "ack", "bye", "cancel", "options", "register", "prack", "subscribe", "notify", "publish", "info",
        "refer", "message", "update", "100rel", "timer", "replaces", "norefersub", "path", "outbound", "gruu",
        "histinfo", "precondition", "early-session", "join", "eventlist", "from-change", "tdialog", "sec-agree",
        "privacy", "answermode", "application/sdp", "application/isup", "application/dtmf-relay", "application/dtmf",
        "application/pidf+xml", "application/media_control+xml", "application/simple-message-summary", "text/plain",
        "message/sipfrag", "message/sipfrag;version=2.0", "multipart/mixed", "*/*", "identity", "gzip", "presence",
        "dialog", "message-summary", "presence.winfo", "call-completion", "reg", "ua-profile", "resource-priority",
        "multiple-refer", "nosub", "siprec", "uui", "callerid", "replace", "sdp-anat", "location", "feature-ind",
    }
)  # fmt: skip
"""Words of the protocol in lists: methods, option tags, types of bodies and events."""
_RELEASE = r"\d{1,2}(?:\.\d{1,3}){0,2}(?:-cert\d{1,2})?(?![\w.]*\d)"
_PRODUCTS = (
    r"Asterisk PBX|Asterisk|FPBX|FreePBX|PJSUA|PJSIP|friendly-scanner|sipvicious|sipcli|sip-scan|sundayddr|iWar|sipsak"
    r"|VaxSIPUserAgent|pplsip|Kamailio|OpenSIPS|FreeSWITCH|Linphone"
)
AGENT = re.compile(
    rf"\b(?:(?P<page>FPBX)[^()]*(?P<asterisk>\({_RELEASE}\))"
    rf"|(?P<product>(?:{_PRODUCTS})\b(?:[ /-]?(?:certified/)?{_RELEASE})?))",
    re.IGNORECASE,
)
"""Products that a verdict knows by name, with their version; what else stands there is somebody's."""
REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 202: "Accepted",
    302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 407: "Proxy Authentication Required", 408: "Request Timeout", 415:
    "Unsupported Media Type", 420: "Bad Extension", 480: "Temporarily Unavailable", 481:
    "Call/Transaction Does Not Exist", 482: "Loop Detected", 484: "Address Incomplete", 486: "Busy Here", 487:
    "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable",
    600: "Busy Everywhere", 603: "Decline",
}  # fmt: skip

REGISTERED = frozenset(
    {
        "accept-contact", "accept-encoding", "accept-language", "alert-info", "allow-events", "answer-mode",
        "authentication-info", "call-info", "content-disposition", "content-id", "content-language", "date",
        "error-info", "feature-caps", "flow-timer", "geolocation", "geolocation-error", "geolocation-routing",
        "history-info", "identity", "identity-info", "in-reply-to", "info-package", "join", "max-breadth",
        "mime-version", "min-expires", "organization", "p-access-network-info", "p-associated-uri",
        "p-called-party-id", "p-charging-function-addresses", "p-charging-vector", "p-early-media",
        "p-visited-network-id", "priority", "privacy", "reason", "recv-info", "refer-sub", "reject-contact",
        "replaces", "request-disposition", "resource-priority", "retry-after", "security-client",
        "security-server", "security-verify", "service-route", "session-id", "sip-etag", "sip-if-match", "subject",
        "subscription-state", "target-dialog", "timestamp", "user-to-user", "warning",
    }
)  # fmt: skip
"""Further headers whose names may be told (IANA's registry of header fields): they are left out."""
HEADERS = KEPT_HEADERS | ADDRESS_HEADERS | PRODUCT_HEADERS | CREDENTIAL_HEADERS | REGISTERED
HEADERS |= {"via", "call-id", "content-length"}
"""Headers whose names are the protocol's."""
PROTOCOL = frozenset(
    {
        *PARAMETER_WORDS, *LISTED_WORDS, *HEADERS, *SCHEMES, *TOKEN_PARAMETERS, *NUMBER_PARAMETERS, *FLAG_PARAMETERS,
        *HOST_PARAMETERS, *map(str.lower, METHODS), "digest",
        "sip", "2.0", "asterisk", "realm", "username", "nonce", "response", *(
            word for reason in REASONS.values() for word in re.split(r"[ /]", reason.lower())),
    }
)  # fmt: skip
"""Single words that a message may hold and that are nobody's."""
