"""The commands, one module for those that work alike; an import of this package's modules makes them known to `group`.

In come click's parameters; a command calls the package that does the work, and `output` writes what comes back.

    captures           commands that read captures
    comparison         compare, which needs one or not
    handover           commands whose results go to others
    configuration      commands that need none
    fleet, watching    many PBXs at once; calls as they come
    service            commands that answer until they are ended

Imports: the modules of `cli`, and of each package what its command asks for, most of it where it is used.
"""
