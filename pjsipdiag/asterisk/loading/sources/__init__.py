"""Where objects come from: the file, table or module that has each type, before a section is read as an object.

In come the files of a directory and databases; out come, for each type, its backends in the order in which they are
asked, and the modules without which nothing of it exists.

    object_sources    the files, tables and mappings that objects come from
    opening           a directory, or what makes it none
    sorcery           which file or table has which type (sorcery.conf, main/sorcery.c)
    opened_mappings   which of those mappings open
    failing_mappings  those that keep Asterisk or PJSIP from starting
    caches            what sorcery.conf says of caches
    absent_module     a module that is not loaded, why, and what would load it
    preloads          modules that preload= starts too early
    call_modules      what becomes of an identified call without one of the modules that it needs
    modules           modules.conf: which modules, and so which types and identifiers, exist
    chan_sip          where the driver before PJSIP listens
Imports: `files`, `realtime`, and of `loading` the options and names of types.
"""
