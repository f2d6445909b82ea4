"""A running Asterisk, asked what it holds: the one who knows best.

In comes a way to ask (a command that runs `asterisk -rx`, or a file of answers that were saved); out comes a Live, one
frozen value, and from it a Config that replays like one of files. Nothing is changed in the running system, and what is
secret is not asked for.

    state      Live: what was told, and what stays unknown
    source     --live: a command or a saved file
    questions  the questions of the command line interface, and the whole of their answers
    tables     one answer of the command line interface taken apart
    saved      Live as text in the form of Asterisk's files, and back
    running    Live -> Config
    compare    a Config of files beside it: what is loaded otherwise than written

Imports: `loading` and what stands before it.
"""
