"""Requests outside of calls (REGISTER, OPTIONS and others), and how they were answered.

In come messages while they are folded, then the merged folds; out come exchanges: requests of one method between two
hosts, with their answers, and the verdict where the PBX received them.

    kinds        alike messages, counted as they stream: how many of a kind, and the first ones to look at
    exchanges    of the merged kinds what the PBX received and sent, as the rules look at it

What a kind is told by is said in `kinds` and in `_fold.c` alike: the tests hold one against the other.
Imports: `fold` uses `kinds`; `diagnose` and the rules about methods use `exchanges`.
"""
