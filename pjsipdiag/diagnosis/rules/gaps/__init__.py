"""What was not given, and calls whose cause may stand there.

In come the groups of calls of a situation and the gaps that its configuration names; out come findings that say what is
missing, which calls hang on it, and how to bring it.

    stores     databases, memory and files that sorcery.conf names, and programs that write while Asterisk loads
    copies     files that others include and that are not in the copy at hand; access lists without acl.conf

A gap takes the blame where the capture shows what the files at hand do not explain: nothing there was left unloaded.

Imports: the causes, `difference`, and `check`.
"""
