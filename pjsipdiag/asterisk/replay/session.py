"""Behind admission: what an endpoint demands of a call before, and behind, the dialplan is asked for its number.

Law: an extension of SIP that the endpoint requires must stand in Supported (421); then transport= must name a transport
that is loaded (500); then the number must exist (404, 484); then Session-Expires must not be too short (422; a 16 stays
silent). Replays pjsip_inv_verify_request2() and pjsip_timer_process_req() of PJSIP, and ast_sip_create_dialog_uas() of
res_pjsip.c.
"""

from __future__ import annotations

import re

from pjsipdiag.asterisk.config import Config, Endpoint
from pjsipdiag.asterisk.files.lines import FALSE_WORDS
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.section import Variable
from pjsipdiag.sip import SipMessage

SIP_EXTENSIONS = {"100rel": "100rel", "timers": "timer"}
"""Option of an endpoint -> the extension of SIP that `required` asks for."""
LEAST_INTERVAL = 90
"""Seconds: the default of timers_min_se, and the least that it takes (RFC 4028 section 5)."""
_SECONDS = re.compile(r"\s*(\d{1,9})")


def find_unsupported(endpoint: Endpoint, message: SipMessage) -> Variable | None:
    """The line that requires an extension which the request does not support; what stands in Require alone is none."""
    supported = {word.strip().lower() for value in message.values("Supported") for word in value.split(",")}
    lines = ((endpoint.option(name), extension) for name, extension in SIP_EXTENSIONS.items())
    return next(
        (line for line, word in lines if line and line.value.strip().lower() == "required" and word not in supported),
        None,
    )


def find_missing_transport(endpoint: Endpoint, config: Config) -> Variable | None:
    """The transport= that names no transport object, where the files at hand have all that there are."""
    line = endpoint.option("transport")
    if line is None or not line.value or line.value in config.transports or not config.listeners:
        return None
    open_ = "transport" in config.elsewhere | config.not_shown or (config.is_partial and config.missing_files)
    open_ = open_ or any(one.why.kind is LoadReason.INCLUDE_NOT_KNOWN for one in config.warnings)
    return None if open_ else line


def find_short_interval(endpoint: Endpoint, message: SipMessage) -> tuple[int, int] | None:
    """The session interval of a request, and the least that the endpoint takes, where it is too short."""
    offered = _SECONDS.match(message.header("Session-Expires"))
    if offered is None or endpoint.value("timers", "yes").lower() in FALSE_WORDS:
        return None
    least = _SECONDS.match(endpoint.value("timers_min_se", str(LEAST_INTERVAL)))
    wanted = max(int(least[1]) if least else 0, LEAST_INTERVAL)
    return (int(offered[1]), wanted) if int(offered[1]) < wanted else None
