"""Files for others: a PBX's state for who diagnoses it, calls of a source for its carrier, one call for a colleague.

What a carrier or colleague gets holds nothing of our configuration: no verdict, no section, no endpoint. Messages
are written as they were, whole and with their times; what belongs to other calls stays out.

    collect     capture, configuration and the running Asterisk's answers, from this machine or over ssh
    bundle      the file that holds them, and how it is opened
    tar         archives from others, taken out with bounds
    extract     the messages of some calls, picked from captures
    evidence    an archive for the carrier: a table of the calls, a page to read, a capture of just them

Imports: everything but `cli`, which alone stands above. A further file of the carrier's archive is a row of
`evidence.ARCHIVE_FILES`.
"""
