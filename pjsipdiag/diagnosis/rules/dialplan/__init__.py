"""Calls that were identified, let in, and then refused by the dialplan.

In come the groups of calls that ended so, and the dialplan of the files, where there is one; out comes a finding with
the number that was dialled, what the files have for it, and what would take it.

    rejected    the finding; ANSWERS is the table of hangup causes

A number that no extension takes is answered before a 100 Trying, whatever an extension does behind it: that tells one
from the other where the files do not.

Imports: the causes, `refused`, and the evidence.
"""
