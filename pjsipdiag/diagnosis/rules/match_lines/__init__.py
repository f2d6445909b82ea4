"""Lines of match= and remote_hosts= that cannot do what they seem to, whatever calls.

In comes a configuration; out come findings with the line. No calls are blamed on them: those that an address rule costs
are of `unmatched`, `order` and `doors`.

    widths        networks that let in everybody, or every private address
    repeats       lines that stand twice, or that a later one undoes
    ports         lines that fit one source port only
    host_names    names that are resolved when the object loads

Imports: `asterisk.addresses.address_rule` has the law of a line, `unloaded.placeholders` knows a value that nobody
filled in; nothing of the capture is looked at. Another such rule is a function here and a row of `table` with
`on_config` alone.
"""
