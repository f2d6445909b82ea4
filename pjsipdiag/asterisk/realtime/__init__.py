"""Objects that stand in the tables of a database instead of a file (res_sorcery_realtime.c, main/config.c).

In come sorcery.conf and extconfig.conf with the rows of a database that the user named; out come sections, as if a file
had them, with their row as origin. Databases are opened read-only, and only when asked.

    families        extconfig.conf: a family's driver, database and table
    tables          which types come from which family, and how a release asks for them
    database        asks the kind of database that the URL names
    databases       the kinds: servers, SQLite, dumps
    logins          URLs out of res_pgsql.conf, res_odbc.conf and odbc.ini
    collation, column_types    how a database compares names, and columns of a type
    row_sections    a row -> a section, as each driver gives empty values and separators
    pitfalls        rows and caches that are not what they look like
    row_lines       rows as lines that can be looked at and changed
    unread          what was not read: who holds it, and what shows it
    access_lists, static    named access lists, and whole files, from a table

Imports: `files`, `releases`, `config`. A driver of Asterisk is a row of `families.ENGINES`, a kind of database a
module of `databases`, chosen by the URL in `database.read`.
"""
