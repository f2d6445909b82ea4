"""Calls watched as they come: one line for each new cause, for weeks, in bounded memory.

In come datagrams from a source; out go causes to the terminal, a command, a webhook, and counts to Prometheus.

    sources             tcpdump, ssh, HEP, rotating directories, standard input: each read in a thread
    feed                what that thread has read and nobody has taken yet
    pending             messages of calls that are not settled: only whole calls are judged
    windows             settled calls -> Report, by the reader's fold and the rules of `diagnosis`
    new_causes          Report -> what is new or has changed since it was told
    telling             a command and a webhook, in a thread: neither holds the capture up
    metrics, systemd    for Prometheus; for the service manager
    reloading           the files, read again when they change, kept when the new ones are broken
    state               where a restart goes on, and what was told
    loop                all of it, turn by turn

The law: time is that of the packets, so that a day is watched in minutes; memory grows with calls that are not settled.
Imports: `diagnosis`, `report` and what stands below; only `cli` stands above.
"""
