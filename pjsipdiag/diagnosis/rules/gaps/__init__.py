"""Files that are not what ran, or not all of it, and calls whose cause may stand there.

In come the groups of calls of a situation and the gaps that its configuration names, or the configuration alone; out
come findings that say what differs or is missing, which calls hang on it, and how to bring it.

    difference    Asterisk did something else than these files say
    stores        databases, memory and files that sorcery.conf names, and programs that write while Asterisk loads
    copies        files that others include and that are not in the copy at hand; access lists without acl.conf
    reloads       objects that the running Asterisk holds otherwise than the files have them

A gap takes the blame where the capture shows what the files at hand do not explain: nothing there was left unloaded.

Imports: the causes and the evidence; `unloaded`, `another` and `network` ask it.
"""
