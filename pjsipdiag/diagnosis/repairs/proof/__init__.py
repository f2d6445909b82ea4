"""Proofs of a change of the configuration: the calls of a capture, replayed before and after.

In come changed texts of files, their edits, and the calls that they are meant for; out come Proofs: the calls that get
in, those of others that go elsewhere, the addresses that are let in, and where the calls are refused next.

    prove              one change: load, replay what it may touch, count
    together           many changes from one load, each as if it were the only one (a property test)
    changed_objects    which objects differ between two configurations, so that few calls have to be replayed
    announced          whether the files hold the edits and nothing else, whatever the calls show of it
    reach              how far a call gets once it is let in: credentials, dialplan, media

Imports: `asterisk`, and `evidence`, `edits`, and `rules` of `diagnosis`; `repairs` and `what_if` ask it. What may
differ between configurations is told in `changed_objects` alone: an option that matters later is a word of ASKED.
"""
