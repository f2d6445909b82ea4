"""What is handed to others: the calls of a source for its carrier, one call for a colleague.

In come captures; out go files that hold nothing of our configuration: no verdict, no section, no endpoint. Messages
are written as they were, whole and with their times; what belongs to other calls stays out.

    calls       the messages of some calls, picked from captures
    evidence    an archive for the carrier: a table of the calls, a page to read, a capture of just them

Imports: `capture`, `diagnosis` and what `report` says of times and cells; only `cli` stands above. A further file of
the archive is a row of `evidence.FILES`.
"""
