"""Why Asterisk's PJSIP did not match an inbound call to an endpoint, and which lines fix it.

    captures, logs                           /etc/asterisk
        | capture.formats                        | asterisk.files, asterisk.loading
        v                                        v
    Datagram                                  Config
        | diagnosis.calls: fold, merge           |
        v                                        |
    requests --asterisk.replay.identifiers--> Verdict (trace)
        | diagnosis.calls: judge, calls          |
        v                                        v
    calls, sources ------------------> diagnosis.rules --> Finding
                                                 | diagnosis.repairs
                                                 v
                                       Suggestion, proven by a replay
                                                 |
               Report --redact, report.render--> text, html, json, ...

`diagnosis.work` gathers the captures, alone, by several processes or by the machines of a cluster. Around that way:
`watch` goes it for calls as they come, `fleet` for many PBXs, `page` in a browser, `agents` for a language model;
`firewall` makes a list of addresses of a Config; `handover` packs what somebody else needs: a machine's files, the
evidence of calls, a call for sipp. `cli` turns arguments into these calls.
Below them: `errors`; `dataclass`, which all data is made with; `digits`, numbers of any length; `sip`, the words of
SIP; `inputs`, `outputs`, `storage` and `machine` touch files and programs; `digest` and `extensions` (compiled parts
or none) serve `capture` and `diagnosis`.
A stage is a function from frozen data to frozen data; files are read and written at the edges only. `capture` knows
nothing of Asterisk, `asterisk` nothing of captures; both meet in `diagnosis`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pjsipdiag.asterisk.config import Config
    from pjsipdiag.asterisk.loading.objects import load_config
    from pjsipdiag.asterisk.reasons.reason import Reason
    from pjsipdiag.asterisk.replay.identifiers import identify
    from pjsipdiag.asterisk.verdict import Check, Verdict
    from pjsipdiag.capture import read_messages
    from pjsipdiag.capture.datagram import Datagram
    from pjsipdiag.diagnosis.diagnose import diagnose
    from pjsipdiag.diagnosis.model import Finding, Report, Suggestion
    from pjsipdiag.diagnosis.options import Options
    from pjsipdiag.errors import CaptureError, ConfigError, PjsipdiagError
    from pjsipdiag.report import render
    from pjsipdiag.sip import Address, SipMessage, SipUri

__version__ = "0.1.0"

_FROM = {
    "Address": "sip",
    "CaptureError": "errors",
    "Check": "asterisk.verdict",
    "Config": "asterisk.config",
    "ConfigError": "errors",
    "Datagram": "capture.datagram",
    "Finding": "diagnosis.model",
    "Options": "diagnosis.options",
    "PjsipdiagError": "errors",
    "Reason": "asterisk.reasons.reason",
    "Report": "diagnosis.model",
    "SipMessage": "sip",
    "SipUri": "sip",
    "Suggestion": "diagnosis.model",
    "Verdict": "asterisk.verdict",
    "diagnose": "diagnosis.diagnose",
    "identify": "asterisk.replay.identifiers",
    "load_config": "asterisk.loading.objects",
    "read_messages": "capture",
    "render": "report",
}
"""Where each name is from: it is imported when it is asked for, so that the command line answers at once."""

__all__ = [
    "Address",
    "CaptureError",
    "Check",
    "Config",
    "ConfigError",
    "Datagram",
    "Finding",
    "Options",
    "PjsipdiagError",
    "Reason",
    "Report",
    "SipMessage",
    "SipUri",
    "Suggestion",
    "Verdict",
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


def __dir__() -> list[str]:
    return [*globals(), *__all__]
