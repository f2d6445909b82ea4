"""Reasons for which something in a capture was passed over, as far as something else hangs on them."""

from __future__ import annotations

WITHOUT_THE_REST = "IP fragments without the rest"
HEP_WITHOUT_SIP = "HEP without SIP"
BETWEEN_HEP = "TCP bytes between HEP packets"
BETWEEN_MESSAGES = "TCP bytes between SIP messages"
OTHER_WEBSOCKET = "WebSocket message that is not SIP"

READ_NO_SIP = frozenset({HEP_WITHOUT_SIP, BETWEEN_HEP, BETWEEN_MESSAGES, OTHER_WEBSOCKET})
"""Those of what was read, and is no SIP."""

CUT, ODD, HIDDEN_ADDRESS, BROKEN = "cut", "odd", "hidden", "broken"
"""Reasons why a message of a text cannot be judged: nothing of it follows, it is no SIP, its address was replaced,
its first line was broken."""
CUT_SENTENCE = "cut sentence"
"""The reason why a line is unread of which Asterisk's sentence lacks a part."""
