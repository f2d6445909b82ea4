"""The PBX among the hosts of a capture, and the Asterisk that it runs.

In come the merged folds and the configuration; out come the addresses of the PBX with the sentence that says why, and
the releases that it names.

    inference        the addresses: given, else the first clue that the capture has
    passed_on        hosts beyond the machine that recorded, where that is a router
    received_at      at which address Asterisk received what the capture shows elsewhere
    translated       requests and answers on two sides of an address translation
    same_machine     calls that a proxy on its machine took first
    releases_shown   the releases in the headers of what the PBX sends

A new clue is one more `yield` of `_clues` in `inference`, before those that it outweighs.
Imports: `calls.fold_content` and what stands before it; `judge`, `basis` and `diagnose` use it.
"""
