"""The kinds of databases that have rows of Asterisk: each a module with `read`.

In come the name of a database, its URL, a `database.Query` and `take`; out comes what `take` made of the columns and
rows while they were read, in the order in which Asterisk's driver has them. Nothing is ever written.

    database_server    PostgreSQL, MariaDB and others, through SQLAlchemy
    sqlite             files of SQLite, through sqlite3
    dumps              the output of pg_dump and mysqldump, folders of CSV

Imports: `column_types`, `collation` and `database`, which imports the module that it needs. A further kind is a module
here, and its URL a branch of `database.read`; one that SQLAlchemy knows is a row of `_DRIVERS` in `database_server`.
"""
