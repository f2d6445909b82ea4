"""The basis of a replay: the PBX, and its configuration as its release of Asterisk loads it.

In come the files, what was asked for and what the capture shows; out comes a Config, and where calls are to be judged a
Basis, with the reason for the release.

    name_sources     loads the files, with the addresses of host names from hosts, DNS or a running Asterisk
    live_questions   asks a running Asterisk what a capture needs to know, and says what stays open
    replay_basis     the PBX and the release that a capture shows, and the configuration loaded once or again

A new source of names is one more resolver in `load` of `name_sources`.
Imports: `calls` and what stands before it; `diagnose` and the commands use it.
"""
