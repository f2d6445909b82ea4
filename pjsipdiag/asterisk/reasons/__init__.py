"""Why things are as they are: every kind of reason with its sentence, in one voice.

Whatever decides looks at the kind and the fields of a reason; whatever shows it takes str() of it. So a sentence can be
said better without a change of what is done.

    reason     Reason, ReasonKind, and WithReason for what has a reason
    values     why a value is refused
    loading    why an object does not load, or otherwise than it looks
    files      lines, includes, the dialplan, tables
    walk       what a check finds of a request

Imports: `dataclass` only. A new reason is a row of its family: `Family.KIND(field=...)` makes it where it is found.
"""

from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.reasons.loading import LoadReason
from pjsipdiag.asterisk.reasons.reason import Reason, ReasonKind, quote_words
from pjsipdiag.asterisk.reasons.values import ValueReason
from pjsipdiag.asterisk.reasons.walk import WalkReason

__all__ = ["FileReason", "LoadReason", "Reason", "ReasonKind", "ValueReason", "WalkReason", "quote_words"]
