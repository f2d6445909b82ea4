"""Why lines of a file do not count, and why a file is not read."""

from __future__ import annotations

from pjsipdiag.asterisk.reasons.reason import ReasonKind


class FileReason(ReasonKind):
    CONTEXT_NOT_TOLD = "context [{context}] was not told by the running Asterisk"
    ENDLESS_INCLUDES = "not read: {file}: the files include one another without end"
    FILE_IS_MISSING = "the included file {file} is not among the files"
    OPTIONAL_FILE_IS_MISSING = "{file}, which #tryinclude names, is not among the files: it may define any context"
    NAMED_ELSEWHERE = "{file}, which is not read, names {context} too"
    SWITCH = "{switch} is asked, which the files do not hold"
    AT_TIMES = "[{context}] takes it at {times} only"
    ASKS_FOR_CALLER = "{extension}/{caller} asks for the caller's number"
    DIALPLAN_REJECTED = "Asterisk rejects {file}"
    NO_PBX_CONFIG = "pbx_config is not loaded, so {file} is not read"
    NEW_MATCH = "extenpatternmatchnew={value} has patterns compared in another way"
    OVERRIDE_SWITCH = "overrideswitch={value} is asked for every number"
    MAPPED_ELSEWHERE = "{file} is read from {value}"
    NO_FIRST_PRIORITY = "{extension} has no priority 1, where a call begins"
    HINT_ALONE = "{extension} is a hint, which takes no call"
    OTHER_CALLERS = "{extension}/{caller} takes other callers"
    LINE_WITHOUT_PRIORITY = "the line for {extension} is left out, for it has no priority that counts"
    LONGER_NUMBER = "{extension} would take a longer number"
    INCLUDES_NOTHING = "there is no context [{context}] to include"
    CONTEXT_IS_TEMPLATE = "[{context}](!) is a template, of which no context is made"
    CONTEXT_IS_OF_SETTINGS = "[{context}] of extensions.conf is for settings, in any case: no context is made of it"
    NO_DIALPLAN_LINE = "{name}= is no line of a dialplan"
    FIRST_IS_SAME = "a first line of a context that is `same`"
    NO_PRIORITY = "no priority in {value!r}"
    LEFT_OUT = "the line is left out: {why}"
    ONLY_RUNNING = "{name} => {text} is told by a running Asterisk only"
    NOTHING_COUNTS = "{why}: nothing of {file} counts"
    INCLUDES_TOO_DEEP = "includes nest too deep, the file is not read"
    NOT_READ = "not read: {why}"
    NOT_AMONG = "the included file {file} was not read: {why}"
    OPEN_COMMENT = "a block comment is never closed"
    CLOSED_COMMENT = "a --; that closes no comment makes a comment of all lines after it"
    LONG_LINE = "the line is longer than 8190 bytes and is skipped"
    DEEP_COMMENTS = "block comments nest deeper than Asterisk can follow"
    NO_SECTION_YET = "a line before the first [section]"
    NO_BRACKET = "a [ without ]"
    NO_PARENTHESIS = "a ( without )"
    NOTHING_TO_ADD_TO = "[{section}](+) adds to a section that does not exist before it"
    NO_TEMPLATE = "the template [{template}] does not exist before this line"
    PROGRAM = "what #exec {program} writes is not known{unsure}"
    EXEC_NOT_ALLOWED = "#exec does nothing unless asterisk.conf has execincludes=yes"
    NO_DIRECTIVE = "not a directive"
    NO_FILE_NAMED = "no file is named"
    NO_INCLUDED_FILE = "the included file {file} does not exist"
    NOTHING_TO_ESCAPE = "a backslash with nothing to escape"
    NO_EQUALS = "a line without ="
    NO_NAME = "a line without a name before ="
    TWO_ROWS = "there are two rows with id {id}: which of them counts is not certain"
    SEMICOLON = "sqlite3 does not part values at ';': write a comma between addresses"
    FULL_COLUMN = "the column {column} is full ({width} characters): what was longer is cut off"
    BLANKS_IN_NAME = "sqlite3 keeps the blanks around the name, and no endpoint is called so"
    CACHE_HOLDS_ALL = (
        "the cache holds all identifies: rows that were changed since count only after `sorcery memory cache "
        "expire res_pjsip/identify`, a reload or its lifetime"
    )
    CACHE_HOLDS_NOTHING = "without full_backend_cache=yes the cache keeps no lists: every request reads the table anew"
    CACHE_ALONE = (
        "a cache is all that sorcery.conf names for {type}, and takes the place of {file}: no {type} is read from it"
    )
    CACHE_ENDS_LIST = (
        "the list of identifies ends at the cache, because something before it has identifies: those behind it and "
        "those of {wizard} are never asked"
    )
    LINE_OF_CACHE_ENDS_LIST = (
        "the name of the line has /cache, so the list of identifies ends there: those behind it and those of {wizard} "
        "are never asked"
    )
    NO_SUCH_DATABASE = "{file} has no section [{database}]: no {type} of that table is found"
    NO_UNQUALIFIED_FETCH = "allow_unqualified_fetch keeps Asterisk from reading the table: no {type} of it is found"


OF_TABLES: dict[ReasonKind, str] = {
    FileReason.TWO_ROWS: "delete one of them: no column of the usual tables is a primary key",
    FileReason.SEMICOLON: "write a comma between addresses",
    FileReason.FULL_COLUMN: "widen the column, or divide the value among several rows",
    FileReason.BLANKS_IN_NAME: "take the blanks out of the column",
    FileReason.CACHE_HOLDS_ALL: "expire the cache after every change of the table: "
    "`sorcery memory cache expire res_pjsip/identify`",
    FileReason.CACHE_HOLDS_NOTHING: "add full_backend_cache=yes, or take the line out",
    FileReason.CACHE_ALONE: "write TYPE=config,pjsip.conf,criteria=type=TYPE behind the line, or take the line out",
    FileReason.CACHE_ENDS_LIST: "write the line of the cache before the other lines of identify",
    FileReason.LINE_OF_CACHE_ENDS_LIST: "take /cache out of the name of the line",
    FileReason.NO_SUCH_DATABASE: "name the section as extconfig.conf names the database: upper and lower case count",
    FileReason.NO_UNQUALIFIED_FETCH: "take allow_unqualified_fetch out of the line",
}
"""Pitfall of a table or its mapping -> what to do."""

PASSED_OVER = (FileReason.NOT_READ, FileReason.ENDLESS_INCLUDES)
"""The reasons that say that a file was passed over."""
