"""Both worlds meet: calls are folded from a capture, replayed against the configuration, and rules name the cause.

In come captures and a directory; out comes a Report: findings, calls, sources, and suggestions that were proven.

    diagnose         the whole way; configuration does it without a capture, compare, what_if and explain beside it
    options          what a caller may say
    basis            what is replayed: the PBX, the files with names resolved, a running Asterisk asked for the rest
    model, traffic   Report, Finding, Suggestion: what goes out; its calls and sources, as they were seen
    rule             what a rule is; pages/ what it says to people
    calls            messages -> calls and sources, with verdicts
    work             captures gathered, by one process or several
    gate             what of a report counts: ignored rules, baselines
    outcome, notes   how the calls ended: failed, refused as they should be; what was left aside, and why
    evidence         what ties a source to the configuration, and who says so
    situation        what the rules look at
    space            every request that could come: who gets in, comparison without a capture, expectations
    rules            causes that calls show, and what the files alone show
    edits, repairs   changes of text; suggestions, each proven by replay

Imports go from `model` up to `diagnose`. A cause is a row of `rules`, its repair stands in the same row.
"""
