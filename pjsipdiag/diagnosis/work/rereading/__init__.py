"""Captures read again, for what no fold holds: the texts of few calls, and what tells whose an address is.

In come the calls that a rule or a report asks about and the summaries of the captures; out comes what their messages
say. `capture.reread` looks again, here or by the workers that have the files (`holders`), and says which have changed.

    second_reading    ACKs and nonces of few calls
    transcript        few calls, message by message
    acknowledged      calls that their sender has shown to be his own
    reached           which address the PBX found for a name: where it was answered
    lone_answers      answers to calls whose INVITE is in no capture

Imports: `capture`, `calls`, `situation`; `diagnose` asks it, and only where something has to be known. What is looked
for is bounded, and so is what is found of it. Another question is a module here that asks `capture.reread`.
"""
