"""Calls that were identified, let in, and refused later: over media, by the dialplan, by people, for load.

In come the groups of calls that ended so, and the dialplan of the files, where there is one; out come findings, each
with the status that the caller got and what leads to it.

    refused             media and the dialplan: which calls, and how grave it is
    rejected            the finding about the dialplan; its table of answers is `hangup_causes`
    missing_extension   a number that no extension takes, and what would
    absent_contexts     contexts that endpoints name and the dialplan lacks, before any call
    absent_transports   transports that endpoints name and that are not loaded, before any call
    otherwise           maintenance, overload, and every other final answer; its table is `status_meanings`

A number that no extension takes is answered before a 100 Trying, whatever an extension does behind it: that tells one
from the other where the files do not. What a hangup cause means is a row of DIALPLAN_ANSWERS.

Imports: the causes, the evidence, and `taker`, which says as whom they were identified.
"""
