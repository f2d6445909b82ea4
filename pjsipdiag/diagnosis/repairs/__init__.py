"""Repairs of the configuration, each proven by replaying the capture.

In come findings and the situation that they were found in; out come Suggestions: the edits, the calls that they fix,
the calls of others that they change, and the addresses that they let in.

    suggest           findings -> drafts of repairs, as the rows of `rules.table` name them
    suggestions       drafts -> suggestions, likely or not, with what their proofs show
    additions         match= lines for sources, as few as needed, never wider than the evidence
    match_repairs     match= lines that are there and wrong
    object_repairs    lines that drop their objects; corrections: what such a line was meant to be
    option_repairs    a value, a name, an order, an option
    separate          headers that tell trunks behind one address apart
    grade             for which calls facts speak, so that what they ask for is likely; who is never let in
    table_rows        `match=` values that become rows of a table
    load_commands     the command that loads a repair, and how to see that it worked: COMMANDS; advice for every finding
    proof/            every call replayed before and after, for one change or many, and how far it gets

Imports: everything else of `diagnosis` but `diagnose`. A repair is a function here; a row of `rules.table` names it.
"""
