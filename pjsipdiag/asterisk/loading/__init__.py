"""Sections become objects as sorcery loads them, and what was dropped is kept with its reason.

In come sections (files, the wizard's, the rows of a database) and a release; out comes a Config: endpoints, identifies
in the order in which they are asked, transports, ACLs, and each object that did not load with its problem.

    objects           load_config: the whole, in Asterisk's order
    sources           the files, tables and modules that objects come from
    object_options    a section's variables through the handlers; options.json is the table, values/ has the handlers
    object_types, identify, acls, wizard    each type's own rules
    transport_starter                       which transport gets which socket
    way_out                                 the transport by which a registration can leave
    walk_order        in which order identifiers and identifies are asked
    resolve           names in match= -> addresses; show_output reads those that a running Asterisk printed

Imports: `files`, `addresses`, `ere`, `pjsip`, `realtime`. An option is a row of options.json, a type one of
`object_types`.
"""
