"""Refusals that only Asterisk's sentences tell, in a log that has no SIP of them, and messages that cannot be judged.

In come the refusals that `capture.text` found in the log and the replay of the configuration; out come findings, one
for each source and kind of refusal, and one for all sources beyond the busiest.

    refused_sources    `find`: a finding for each source
    in_files           what the files have for it, and what would admit it
    refusal_words      the meaning of Asterisk's words: the finding that they are and the advice, a row of WORDS each

A sentence has no headers: what the files make of a source is replayed with address, port and From alone, and said so.
A sentence that is read newly is a form in `capture.text.sentences`, and a row of WORDS where it means something of its
own.

Imports: the causes, the evidence, the rules of methods, of scanning and of what does not load.
"""
