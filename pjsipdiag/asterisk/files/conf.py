"""The grammar of Asterisk's configuration files: text becomes sections, and what Asterisk refuses or warns about.

The law is main/config.c (`config_text_file_load`, `process_text_line`, `ast_config_internal_load`): bytes are read in
lines of at most 8191, a `[section]` line may name templates, `#include` is relative to the configuration directory,
and an error ends the file it is in. An error in an included file ends only that file: the including one goes on.
"""

from __future__ import annotations

from dataclasses import replace

from pjsipdiag.asterisk.addresses.match import BLANKS
from pjsipdiag.asterisk.config import Problem
from pjsipdiag.asterisk.files.category import Categories, Category, header_name
from pjsipdiag.asterisk.files.comments import Comments
from pjsipdiag.asterisk.files.files import Files
from pjsipdiag.asterisk.files.lines import BLANK_BYTES, LINE_BUFFER, lower, split, split_directive, to_text
from pjsipdiag.asterisk.files.parsed import FileDialect, FileParser, ParsedFile
from pjsipdiag.asterisk.reasons.files import FileReason
from pjsipdiag.asterisk.reasons.reason import Reason
from pjsipdiag.asterisk.releases import Release
from pjsipdiag.asterisk.secrets import hide_secrets
from pjsipdiag.asterisk.section import Variable, Where
from pjsipdiag.errors import ConfigError
from pjsipdiag.inputs import LARGEST_WHOLE

LONGEST_CATEGORY_NAME = 79
"""Bytes of a section's name (`char name[80]` of struct ast_category): what is longer is cut."""
DEEPEST_INCLUDE = 10
"""Includes that may nest (MAX_INCLUDE_LEVEL)."""
MOST_REPEATS = 1000
"""More inclusions of files that were read before are refused: they multiply with each level."""
MOST_VARIABLES = 4_000_000
"""More than this after templates is refused: no telephone system has it, a hostile file may."""

RUN = "; asterisk.conf has execincludes=yes, so Asterisk runs it"
NO_ASTERISK_CONF = ", if it is run: asterisk.conf, which allows that with execincludes=yes, is not among the files"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse(
    name: str, files: Files, release: Release, *, partial: bool = False, table: FileParser | None = None
) -> ParsedFile:
    """Read a file of the configuration directory with everything it includes.

    With `partial` the files are a copy that lacks some: a missing include does not reject the file. `missing` names
    all of them either way. `table` has what stands in a database in the place of an included file; without it releases
    that read alike share the result.

    :raises ConfigError: a file cannot be read, or templates multiply beyond `MOST_VARIABLES`.
    """
    dialect = FileDialect(release.has("byte_order_mark"), release.has("utf8_locale"), partial)
    if table is not None:
        return _parse(name, files, dialect, table)
    return files.once((name, dialect), lambda: _parse(name, files, dialect, lambda _: None))


def _parse(name: str, files: Files, dialect: FileDialect, table: FileParser) -> ParsedFile:
    parser = _Parser(files, dialect, table)
    result = parser.load(name, Where(name, 0))
    missing = parser.missing
    if missing and not dialect.is_partial:
        # The first missing include ended its file: only a run that passes over them meets those that stand behind it.
        missing = [*_parse(name, files, replace(dialect, is_partial=True), table).missing_files]
    if result is False:
        last = parser.rejected[-1]
        # acl.conf is read by main/config_options.c, which has words of its own.
        said = name if name == "acl.conf" else f"config file '{name}'"
        log = f"{last.log}\nContents of {said} are invalid and cannot be parsed"
        parser.rejected[-1] = Problem(FileReason.NOTHING_COUNTS(why=last.why, file=name), last.where, log)
    return ParsedFile(
        tuple(category.section() for category in parser.categories.all),
        tuple(parser.read),
        tuple(map(_without_secrets, parser.warnings)),
        tuple(map(_without_secrets, parser.rejected)),
        is_found=result is not None,
        is_valid=result is not False,
        missing_files=tuple(missing),
        programs=tuple(map(_without_secrets, parser.programs)),
        optional_files=tuple(parser.optional),
    )


def _without_secrets(problem: Problem) -> Problem:
    """Lines are quoted as they stand: what somebody took for a comment may set a password."""
    return Problem(problem.why.map_texts(hide_secrets), problem.where, hide_secrets(problem.log))


class _RejectedError(Exception):
    """The line ends its file."""

    def __init__(self, why: Reason, log: str = "") -> None:
        super().__init__(str(why))
        self.why, self.log = why, log


class _Parser:
    def __init__(self, files: Files, dialect: FileDialect, table: FileParser) -> None:
        self.files, self.dialect, self.table = files, dialect, table
        self.categories = Categories(dialect.utf8)
        self.level = 0
        self.variables = self.bytes = self.repeats = 0
        self.counted = 0
        """The line as Asterisk counts it: on through all files of one #include."""
        self.read: dict[str, None] = {}
        self.warnings: list[Problem] = []
        self.rejected: list[Problem] = []
        self.missing, self.optional = list[Problem](), list[Problem]()
        self.programs: list[Problem] = []

    def load(self, pattern: str, asked: Where) -> bool | None:
        """Read the files of a pattern: None when there is none, False when one of them was ended by an error."""
        if self.level == DEEPEST_INCLUDE + 1:
            log = f"Maximum Include level ({DEEPEST_INCLUDE}) exceeded"
            self.warnings.append(Problem(FileReason.INCLUDES_TOO_DEEP(), asked, log))
            return None
        self.level += 1
        # `category` is the file's own, as `cat` in config_text_file_load: a file begins in the section that was read
        # last (`categories.current`), and after an #include its lines go on in the section that stood before it.
        comments, category, count, read_any = Comments(), self.categories.current, 0, False
        names = self.files.expand(pattern)
        if self.files.given_up:
            self.warnings.append(Problem(FileReason.NOT_READ(why=self.files.given_up), asked))
            if self.level > 1:
                self.missing.append(Problem(FileReason.NOT_AMONG(file=pattern, why=self.files.given_up), asked))
        # Asterisk passes links that lead nowhere over; in a copy they are what was not copied
        links = (FileReason.NOT_AMONG(file=name, why="a link that leads nowhere") for name in self.files.dangling)
        self.missing += [Problem(reason, asked) for reason in links]
        for name in names:
            data = self.files.read(name)
            if data is None:
                if self.files.given_up:
                    self.warnings.append(Problem(FileReason.NOT_READ(why=self.files.given_up), asked))
                    read_any = True
                continue
            read_any = True
            if not self._note(name, len(data)):
                reason = FileReason.ENDLESS_INCLUDES(file=self.files.log_path(name))
                self.warnings.append(Problem(reason, asked))
                break
            number = 0
            try:
                for number, line in enumerate(split(data), 1):
                    self.counted = count + number
                    text = self._content(line, name, number, comments)
                    if text:
                        category = self._line(text, name, number, category)
            except _RejectedError as error:
                where = Where(name, number, header_name(line))
                self.rejected.append(Problem(error.why, where, self._at(error.log, where)))
                # The level is not taken back here: ast_config_internal_load forgets it too where a file is invalid,
                # and runs out of levels that much earlier.
                return False
            count += number
            if comments.depth:
                reason = FileReason.OPEN_COMMENT() if comments.depth > 0 else FileReason.CLOSED_COMMENT()
                log = f"Unterminated comment detected beginning on line {comments.opened_at}"
                self.warnings.append(Problem(reason, Where(name, comments.opened_at), log))
        self.level -= 1
        return True if read_any or (self.files.given_up and not names) else None

    def _content(self, line: bytes, name: str, number: int, comments: Comments) -> bytes:
        # In the order of config_text_file_load: C's strings end at a NUL, the length is looked at before comments are
        # taken out, and a byte order mark counts only on the first line of all files that one #include names.
        if b"\0" in line:
            line, _, _ = line.partition(b"\0")
        if len(line) == LINE_BUFFER and not line.endswith(b"\n"):
            log = f"Line {self.counted} too long, skipping. It begins with: {to_text(line[:32])}..."
            self.warnings.append(Problem(FileReason.LONG_LINE(), Where(name, number), log))
            return b""
        if self.counted == 1 and self.dialect.takes_mark:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not comments.depth and b";" not in line:
            return line.strip(BLANK_BYTES)
        try:
            return (comments.strip(line, number) or b"").strip(BLANK_BYTES)
        except ValueError as error:
            raise _RejectedError(FileReason.DEEP_COMMENTS(), str(error)) from error

    def _at(self, log: str, where: Where) -> str:
        return log.replace("\0", f"line {self.counted} of {self.files.log_path(where.file)}")

    def _warn(self, reason: Reason, where: Where, log: str) -> None:
        self.warnings.append(Problem(reason, where, self._at(log, where)))

    def _line(self, line: bytes, name: str, number: int, category: Category | None) -> Category | None:
        """Take one line; the category that the next line of this file belongs to."""
        if line.startswith(b"["):
            return self._header(line, name, number)
        where = Where(name, number, category.name if category else "")
        if line.startswith(b"#"):
            self._directive(line, where)
        elif category is None:
            raise _RejectedError(FileReason.NO_SECTION_YET(), "parse error: No category context for \0")
        else:
            self._variable(line, category, where)
        return category

    def _header(self, line: bytes, name: str, number: int) -> Category:
        title, bracket, after = line[1:].partition(b"]")
        if not bracket:
            raise _RejectedError(FileReason.NO_BRACKET(), "parse error: no closing ']', \0")
        # `(+)` looks for the name as it is written, and every section is kept under its first 79 bytes: one with a
        # longer name can never be added to.
        wanted = to_text(title)
        category = Category(
            to_text(title[:LONGEST_CATEGORY_NAME]), Where(name, number, to_text(title[:LONGEST_CATEGORY_NAME]))
        )
        appended = False
        if after.startswith(b"("):
            listed, parenthesis, _ = after[1:].partition(b")")
            if not parenthesis:
                raise _RejectedError(FileReason.NO_PARENTHESIS(), "parse error: no closing ')', \0")
            for part in to_text(listed).split(","):
                if part == "!":
                    category.is_template = True
                elif part.startswith("+"):
                    found = self.categories.to_add_to(wanted, part[1:])
                    if found is None:
                        log = f"Category addition requested, but category '{wanted}' does not exist, \0"
                        raise _RejectedError(FileReason.NOTHING_TO_ADD_TO(section=wanted), log)
                    if not appended:
                        # What the parts before `+` gave goes to the section that is found, and so does what those
                        # behind it give: process_text_line has only that one from here on.
                        found.is_template |= category.is_template
                        found.variables += category.variables
                        found.parents += category.parents
                        self.categories.current = found
                    appended, category = True, found
                else:
                    base = self.categories.template(part)
                    if base is None:
                        log = f"Inheritance requested, but category '{part}' does not exist, \0"
                        raise _RejectedError(FileReason.NO_TEMPLATE(template=part), log)
                    self._count(len(base.variables))
                    category.parents.append(base.name)
                    category.variables += base.variables
        if not appended:
            self.categories.append(category)
        return category

    def _directive(self, line: bytes, where: Where) -> None:
        directive, argument = split_directive(line)
        kind = lower(directive)
        if kind == "exec":
            if self.files.runs_programs is not False:
                unsure = RUN if self.files.runs_programs else NO_ASTERISK_CONF
                self.programs.append(Problem(FileReason.PROGRAM(program=to_text(argument), unsure=unsure), where))
                return
            log = "Cannot perform #exec unless execincludes option is enabled in asterisk.conf (options section)!"
            self._warn(FileReason.EXEC_NOT_ALLOWED(), where, log)
            return
        unknown = kind not in ("include", "tryinclude")
        if unknown or not argument:
            reason = FileReason.NO_DIRECTIVE() if unknown else FileReason.NO_FILE_NAMED()
            log = "Unknown directive '#{}'" if unknown else "Directive '#{}' needs an argument (filename)"
            self._warn(reason, where, f"{log.format(directive)} at \0")
            return
        quote = {b'"': b'"', b"<": b">"}.get(argument[:1])
        if quote is not None and argument.endswith(quote):
            argument = argument[1:-1]
        wanted = to_text(argument)
        made = self.table(wanted)
        too_deep = self.level == DEEPEST_INCLUDE + 1
        if made is not None:
            for section in made.sections:
                self.categories.append(Category(section.name, section.where, variables=list(section.variables)))
        elif self.load(wanted, where) is None:
            reason = FileReason.INCLUDES_TOO_DEEP() if too_deep else FileReason.NO_INCLUDED_FILE(file=wanted)
            lacking = self.missing if kind == "include" else self.optional
            lacking += [] if too_deep else [Problem(reason, where)]
            if self.dialect.is_partial or kind == "tryinclude":
                return
            raise _RejectedError(reason, f"The file '{wanted}' was listed as a #include but it does not exist.")

    def _variable(self, line: bytes, category: Category, where: Where) -> None:
        escaped = line.startswith(b"\\")
        if escaped:
            line = line[1:]
            # C's char is signed here: a byte from 128 on is less than 33, too.
            if not line or line[0] < 33 or line[0] > 127:
                raise _RejectedError(FileReason.NOTHING_TO_ESCAPE(), "Invalid escape in \0")
        equals = line.find(b"=", int(escaped))
        if equals < 0:
            self._warn(FileReason.NO_EQUALS(), where, "No '=' (equal sign) in \0")
            return
        value = line[equals + 1 :]
        if equals > int(escaped) and line[equals - 1 : equals] == b"+":
            name = to_text(line[: equals - 1].strip(BLANK_BYTES))
            if self._append(category, name, to_text(value)):
                return
        else:
            name = to_text(line[:equals].strip(BLANK_BYTES))
            value = value.removeprefix(b">")
        if not name:
            self._warn(FileReason.NO_NAME(), where, "No variable name in \0")
            return
        self._count(1)
        category.variables.append(Variable(name, to_text(value.strip(BLANK_BYTES)), where))

    def _append(self, category: Category, name: str, value: str) -> bool:
        """`name += value`: the value is added to the last variable of that name, if there is one."""
        last = next((v for v in reversed(category.variables) if v.name == name), None)
        if last is None:
            return False
        added = (last.value + value).strip(BLANKS)
        # Each 64 bytes count like a variable: `+=` and templates could let one value grow without end.
        self._count(len(added) >> 6)
        # `ast_variable_update` looks for it again, by name and value without case, from the front.
        value, name = lower(last.value), lower(name)
        for position, variable in enumerate(category.variables):
            same_value = not value or (len(variable.value) == len(value) and lower(variable.value) == value)
            if same_value and lower(variable.name) == name:
                category.variables[position] = Variable(last.name, added, variable.where)
                break
        return True

    def _note(self, name: str, size: int) -> bool:
        """Counts one more file; whether it may be read."""
        if self.repeats >= MOST_REPEATS or self.bytes + size > LARGEST_WHOLE:
            return False
        self.repeats += name in self.read
        self.read[name] = None
        self.bytes += size
        return True

    def _count(self, variables: int) -> None:
        self.variables += variables
        if self.variables > MOST_VARIABLES:
            raise ConfigError(f"the templates multiply to more than {MOST_VARIABLES} variables: not read")
