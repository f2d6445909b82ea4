"""The meaning of refusals that neither media nor the dialplan explain: literal tables."""

from __future__ import annotations

from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.diagnosis.rules.refusals.refused import STIR


class Explanation(NamedTuple):
    """A refusal: what it means, the options of the endpoint and the headers of the request that lead to it, advice."""

    meaning: str
    options: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    advice: str = ""


_CALLEE = "the answer of who was called, or of the caller"
_BUSY = (
    "nothing where who was called talks; else look at Busy() and Hangup(17) in the dialplan, device_state_busy_at= of"
    " the telephone, and do-not-disturb"
)

CORRECT_IT = "have the sender corrected; a Warning header of the answer says the same (`pjsip set logger on` shows it)"

EXPLAINED_STATUSES: dict[int, Explanation] = {
    400: Explanation(
        "behind identification PJSIP answers so where it cannot read the Contact or the SDP of the request",
        (),
        ("Contact", "Content-Type"),
        CORRECT_IT,
    ),
    420: Explanation(
        "the request requires an extension that this Asterisk does not support",
        ("100rel", "timers"),
        ("Require", "Proxy-Require"),
        "have the sender leave that extension out of its Require header (it may stand in Supported)",
    ),
    421: Explanation(
        "the endpoint requires an extension that the request does not support",
        ("100rel", "timers"),
        ("Supported", "Require"),
        "set that option to yes instead of required (100rel=yes, timers=yes), or have the sender support the extension",
    ),
    422: Explanation(
        "the session interval of the request is shorter than the endpoint allows",
        ("timers_min_se", "timers_sess_expires", "timers"),
        ("Session-Expires", "Min-SE"),
        "lower timers_min_se, or have the sender offer a longer Session-Expires",
    ),
    428: Explanation(
        "STIR/SHAKEN: the request has no Identity header, and the endpoint wants one",
        STIR,
        ("Identity",),
        "have the provider sign its calls, or let the endpoint's STIR/SHAKEN profile accept unsigned ones",
    ),
    433: Explanation("anonymous callers are refused", (), ("Privacy", "From"), "look for what refuses anonymous calls"),
    436: Explanation(
        "STIR/SHAKEN: the certificate that the Identity header names could not be fetched",
        STIR,
        ("Identity",),
        "check that Asterisk reaches the address in the header's info parameter",
    ),
    437: Explanation(
        "STIR/SHAKEN: the certificate of the Identity header is not trusted",
        STIR,
        ("Identity",),
        "check ca_file and ca_path of stir_shaken.conf",
    ),
    438: Explanation(
        "STIR/SHAKEN: the Identity header does not fit the request",
        STIR,
        ("Identity", "Date"),
        "check the clock of both sides, and whether something in between changes From, To or Date",
    ),
    481: Explanation(
        "the request belongs to a call that Asterisk does not know",
        (),
        ("Replaces", "To"),
        "a Replaces header names a call that is over, or of another PBX: look at who made that header",
    ),
    482: Explanation(
        "the request came back to a server that had it before, or came to it a second time by another way; Asterisk's"
        " PJSIP never answers so, but chan_sip and proxies do",
        (),
        ("Via",),
        "look at who answers at that address, and in the Via lines at who passed the request on",
    ),
    483: Explanation(
        "the request went round in a loop until Max-Forwards was used up",
        (),
        ("Max-Forwards", "Via"),
        "look for two routes that send the number to each other: the Via lines name who passed it on",
    ),
    486: Explanation(f"busy: {_CALLEE}", advice=_BUSY),
    487: Explanation(f"the caller hung up before an answer: {_CALLEE}"),
    600: Explanation(f"busy everywhere: {_CALLEE}", advice=_BUSY),
    603: Explanation(f"declined after it rang: {_CALLEE}"),
}
STAR_CONTACT = Explanation(
    "its Contact is `*`, which only a REGISTER may have (pjsip_inv_verify_request)", (), ("Contact",), CORRECT_IT
)
"""400 of an identified caller."""
STALE = Explanation(
    "STIR/SHAKEN: the signature is too old",
    STIR,
    ("Date", "Identity"),
    "set the clock of Asterisk's machine (NTP), or have the provider sign when it sends; failure_action in"
    " stir_shaken.conf says whether such calls are refused",
)
"""403 of an endpoint that verifies signatures."""
NO_TRANSPORT = Explanation(
    "the endpoint names a transport that is not loaded, so no call can be set up and the dialplan sees none",
    ("transport",),
    advice="name a transport of `pjsip show transports` there, or leave transport= out: an endpoint needs none to be"
    " called from its address",
)
"""500 without a 100 of an endpoint whose transport= leads nowhere."""
