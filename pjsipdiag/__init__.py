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

from pjsipdiag.asterisk.identifiers import identify
from pjsipdiag.asterisk.objects import load_config
from pjsipdiag.capture import read_messages
from pjsipdiag.diagnosis.diagnose import diagnose
from pjsipdiag.errors import CaptureError, ConfigError, PjsipdiagError
from pjsipdiag.report import render
from pjsipdiag.sip import Address, SipMessage, SipUri

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
