"""What a configuration alone shows, before any call fails.

In comes a Config; out come findings with file and line. `rules.table` says which rule each function is of.

    addresses    rules that are shadowed, overlap, repeat, undo or are too wide
    cells        the address space as the identifies divide it: what `addresses` asks
    doors        who gets in: each identifier, from where, with or without a password; open_doors are findings
    faults       known faults of the release whose condition the files meet
    endpoints    endpoints that are reached by surprise or in vain
    loading      objects and files that do not load
    names        host names in match=
    order        endpoint_identifier_order
    written      misspelt types, placeholders that nobody filled in

Imports: `model` and `asterisk`. A rule is a function here, a row of `rules.table`, a page in pages/ and a case in
fixtures/check with a hit and a spared neighbour; the tests name what is missing.
"""
