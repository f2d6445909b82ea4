"""SIP and sentences of Asterisk in a text, whatever carried it: `read_text` gives the messages as datagrams.

The way of a text, each step in its own module:

    carried            what was done to the text on its way is undone
    text_forms         lines that announce messages, in Asterisk's log and elsewhere; texts that are named only
    line_frame         what stands before and behind each line, learned from one of them
    marks              where those lines stand; finder also joins lines that were broken
    needles            bytes that each such line has, found quickly by _needles.c where that was built
    written_message    the message behind an announcing line
    message_structure  what SIP is made of: how a message is put together whose text was changed
    doubt              what may be a part of a message whose end is not known, or of a packet that could not be read
    ways               who sent it to whom; hidden: addresses that were replaced by hand
    sentences          Asterisk's sentences about requests that it refused; refusals makes evidence of them
    times              when a line was written; kind: what a text is that holds nothing to judge
    read               all of them, over a text of any size
"""

from __future__ import annotations

from pjsipdiag.capture.text.carried.encoding import wide_encoding
from pjsipdiag.capture.text.read import read_text

__all__ = ["read_text", "wide_encoding"]
