"""Another identifier, identify or endpoint takes the call than the one that was meant for it.

In come the groups of calls of a situation, or a configuration alone; out come findings that name who takes the calls,
who was to take them, and the line that decides between the two.

    users        the From user decides before the address
    turns        identifiers that never get their turn; the names in endpoint_identifier_order
    overlaps     several identifies fit, and Asterisk asks another one first
    everybody    an endpoint or a rule that takes whoever nobody else takes

Imports: the causes, the evidence, `space.cells` for what files alone show, and `asterisk.replay`. Which releases ask in
which order is asked of `asterisk.releases`: a new one needs no line here.
"""
