"""The usual shapes of headers, known by regular expressions before PJSIP's parser is asked.

In comes the head of a request; out comes what identification asks of it (the users, hosts, tags), or nothing: then
`pjsip` parses it. The forms only save time, and may say nothing that the parser would not say.

    expressions      expressions that never go back, on every Python
    program          the same for the compiled part of a fold
    header_syntax    the expressions of each header
    head_forms       a head -> what it says, remembered for heads of the same shape

Imports: `sip` only; `replay` and `diagnosis.calls` ask it. A form is added with the header that
it knows; the tests hold every form against the parser, on headers made from the grammar.
"""
