"""Where a call would go in the dialplan: extensions.conf as pbx_config loads it, asked as res_pjsip_session asks it.

In come the files; out comes whether a number exists in a context, and the line that takes it. What is defined
elsewhere (AEL, Lua, a database, a program) is unknown, and said to be.

    contexts           contexts, extensions, includes, switches: frozen data
    extension          a name or pattern against a number, and which of two comes first
    extensions_conf    files -> contexts
    find               a number in a context, its switches and includes

Checked against decisions of real Asterisk for written and random dialplans (fixtures/dialplan).
"""
