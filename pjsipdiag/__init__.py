"""Why Asterisk's PJSIP did not match an inbound call to an endpoint, and which lines fix it.

    captures --capture.read--> Datagram --diagnosis.calls--> calls, sources ----+
                                                                                |
    /etc/asterisk --asterisk.objects.load_config--> Config                      v
                                                      |               diagnosis.rules --> Finding
                                                      v                         |
    SipMessage --asterisk.identifiers.identify--> Verdict (trace) --> diagnosis.suggest --> Suggestion
                                                                                |
                                                          Report --report.render--> text, html, json, ...

A stage is a function from frozen data to frozen data; files are read and written at the edges only. `capture` knows
nothing of Asterisk, `asterisk` nothing of captures; both meet in `diagnosis`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pjsipdiag.asterisk.identifiers import identify
    from pjsipdiag.asterisk.objects import load_config
    from pjsipdiag.capture import read_messages
    from pjsipdiag.diagnosis.diagnose import diagnose
    from pjsipdiag.errors import CaptureError, ConfigError, PjsipdiagError
    from pjsipdiag.report import render
    from pjsipdiag.sip import Address, SipMessage, SipUri

__version__ = "0.1.0"

_FROM = {
    "Address": "sip",
    "CaptureError": "errors",
    "ConfigError": "errors",
    "PjsipdiagError": "errors",
    "SipMessage": "sip",
    "SipUri": "sip",
    "diagnose": "diagnosis.diagnose",
    "identify": "asterisk.identifiers",
    "load_config": "asterisk.objects",
    "read_messages": "capture",
    "render": "report",
}
"""Where each name is from: it is imported when it is asked for, so that the command line answers at once."""

__all__ = [
    "Address",
    "CaptureError",
    "ConfigError",
    "PjsipdiagError",
    "SipMessage",
    "SipUri",
    "diagnose",
    "identify",
    "load_config",
    "read_messages",
    "render",
]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
