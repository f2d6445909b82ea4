"""Messages folded into calls and sources, merged, and judged.

In come datagrams as they stream; out come calls (an INVITE, its retries and answers) with their verdicts, in columns of
a few bytes each, whatever the number.

    heads, rows, spool    what a head says; a transaction in a row; heads that wait
    fold (_fold.c)        datagrams -> transactions; fold_content is what it holds, merge makes one of many
    outside               requests outside of calls: their kinds, counted, and what the PBX received and sent of them
    selection             only the span, sources or calls that were asked for
    pbx                   which address is the PBX, and which release it names
    judge, received_columns  transactions -> received, sent or passing by, and replayed; what was received, in columns
    assembly, calls, sources, groups    transactions put together, calls, their sources, groups that are alike

Imports: `evidence` and what stands before it; `work` and `diagnose` use it. What a fold learns of a message is a column
of `rows`, filled by `fold` and by `_fold.c` alike: the tests hold one against the other.
"""
