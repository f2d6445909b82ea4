"""Parts of one capture, read by several processes, joined in order.

In comes a capture and a number of parts; out come the parts' datagrams and, for each part, a Rest: fragments and TCP
state that it could not finish alone. `join` finishes them, so that the parts give what one reader gives.

    parts            where a capture may be cut, reading one part, joining all
    deferring        the dissectors of parts: what is told at once, what is handed back
    logs             the same of Asterisk's log
    part_handover    a part, and what it leaves to those that join
    file_by_file     files of one capture, one after the other: the messages of each

Imports: everything else of `capture`; `diagnosis.work` shares the parts between processes. What a reader remembers
from one packet to the next must be in the handover: the tests cut captures everywhere.
"""
