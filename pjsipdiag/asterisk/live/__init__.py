"""A running Asterisk, asked what it holds: the one who knows best.

In comes a way to ask (`asterisk -rx`, AMI, ARI, or a file of answers that were saved); out come LiveAnswers, one frozen
value, and from it a Config that replays like one of files. Nothing is changed in the running system.

    snapshot            LiveAnswers: what was told, and what stays unknown
    asking              --live: a command, an address or a saved file
    questions           the questions of the command line interface, and the whole of their answers
    cli_answers, dialplan    one answer of the command line interface taken apart
    interface           an address and the secret for it
    ami, manager        the manager interface: messages, and what they tell where `Command` is not granted
    ari                 the HTTP interface
    saved               LiveAnswers as text in the form of Asterisk's files, and back
    running             LiveAnswers -> Config
    loaded_otherwise    a Config of files beside it: what is loaded otherwise than written

Imports: `loading` and what stands before it.
"""
