"""Known faults of Asterisk's releases, where configuration and calls show that one strikes or could.

In comes a situation, or a configuration alone; out come findings that name the fault, the line that meets its
condition, the release that mends it, and how to live with it meanwhile.

    known    the conditions: STRIKES for calls, BREWS for files; the faults themselves are `asterisk.releases.faults`

A fault of one's own files is never told here: these findings begin where the files are right and Asterisk is not. What
strikes and what the calls show are told apart: without calls that fit, it is a warning.

Imports: the causes and `asterisk`.
"""
