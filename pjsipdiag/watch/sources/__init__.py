"""Where messages come from while one watches, each read in a thread of its own.

In come packets, HEP or files; out go datagrams, handed to `put` in the order in which they are complete, with a place
from which a restart may go on where there is one.

    source          what a source is; the stream of captured bytes that all but HEP read
    child           tcpdump or dumpcap as a child, here or through ssh
    hep_listener    a listener for HEP over UDP and TCP
    folder          the files of a rotating capture, one after the other, the last one as it grows

Imports: `capture` and `errors`. A further source is a class with `read` and `count_lost` here, and a row of
`cli.commands.watching`.
"""
