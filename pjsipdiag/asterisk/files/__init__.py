"""The files of /etc/asterisk read as text: lines, comments, includes, templates, sections.

In come a directory (or texts in memory) and the name of a file; out come its sections in order, each variable with file
and line, and what Asterisk refuses or warns about. `#exec` is never run. Values mean nothing here.

    files       opens files by name, absolute path or pattern, within the limits for a stranger's configuration
    asterisk_conf    asterisk.conf: where the files are, and whether programs may write parts of them
    glob        what a pattern stands for
    lines       what a line is, and how one is written
    comments    comments taken out of a line
    conf        lines -> sections (main/config.c); category is a section in the making, parsed what is made of all
    criteria    filters of sections: (+type=endpoint)

Imports: `releases`, `addresses`, `ere`, `config`. A rule of config.c goes into `conf`, a limit of what may be opened
into `files`.
"""
