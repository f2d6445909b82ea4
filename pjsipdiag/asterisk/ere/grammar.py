"""The grammar of POSIX extended regular expressions as glibc's regcomp() reads it.

Law: what glibc refuses is refused with its words (`EreError`); GNU additions are taken (`\\w \\W \\s \\S \\b \\B \\<
\\> \\` \\'`, back-references), a backslash before anything else makes it literal, and inside brackets it is literal.
Replays parse_reg_exp(), parse_expression() and parse_bracket_exp() of glibc's posix/regcomp.c with
RE_SYNTAX_POSIX_EXTENDED.
"""

from __future__ import annotations

from dataclasses import field

from pjsipdiag.dataclass import dataclass

DUPLICATES = 0x7FFF
"""The largest number in an interval (RE_DUP_MAX)."""

CLASSES = ("alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit")

_UNMATCHED_BRACKET = "Unmatched [, [^, [:, [., or [="


class EreError(ValueError):
    """The pattern does not compile; the text is the C library's."""


@dataclass(frozen=True, slots=True)
class Literal:
    """One character."""

    character: str


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A bracket expression, `\\w` and its like; `.` is a negated empty set."""

    is_negated: bool = False
    ranges: tuple[tuple[str, str], ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^` and `` \\` `` are "start", `$` and `\\'` are "end"; the others keep their letter: `b B < >`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesis, counted from 1."""

    number: int
    body: Node


@dataclass(frozen=True, slots=True)
class Reference:
    """`\\1` to `\\9`."""

    number: int


@dataclass(frozen=True, slots=True)
class Concatenation:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`most` is None for no limit."""

    body: Node
    least: int
    most: int | None


Node = Literal | CharacterSet | Anchor | Group | Reference | Concatenation | Choice | Repeat

ANY = CharacterSet(is_negated=True)
_WORD = CharacterSet(ranges=(("_", "_"),), classes=("alnum",))
_SPACE = CharacterSet(classes=("space",))
_ESCAPES: dict[str, Node] = {
    "w": _WORD,
    "W": CharacterSet(True, _WORD.ranges, _WORD.classes),
    "s": _SPACE,
    "S": CharacterSet(True, (), _SPACE.classes),
    "b": Anchor("b"),
    "B": Anchor("B"),
    "<": Anchor("<"),
    ">": Anchor(">"),
    "`": Anchor("start"),
    "'": Anchor("end"),
}


def parse(pattern: str, utf8: bool) -> Node:
    """The tree of a pattern; in the C.UTF-8 locale a range cannot begin or end with a character beyond ASCII.

    :raises EreError: glibc would not compile it.
    """
    return _EreParser(pattern, utf8).choice(0)


@dataclass(slots=True)
class _EreParser:
    text: str
    utf8: bool
    at: int = 0
    groups: int = 0
    closed: set[int] = field(default_factory=set)

    @property
    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def choice(self, depth: int) -> Node:
        branches = [self._branch(depth)]
        while self.next == "|":
            self.at += 1
            branches.append(self._branch(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _branch(self, depth: int) -> Node:
        parts: list[Node] = []
        # A ) that closes nothing is a character like others (RE_UNMATCHED_RIGHT_PAREN_ORD).
        while self.next and self.next != "|" and not (depth and self.next == ")"):
            part = self._expression(depth)
            if part is not None:
                parts.append(part)
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def _expression(self, depth: int) -> Node | None:
        character = self.next
        self.at += 1
        node: Node | None
        match character:
            # Anchors take no repetition: the `*` of `^*` has nothing before it (parse_expression), and is refused.
            case "^" | "$":
                return Anchor("start" if character == "^" else "end")
            case "*" | "+" | "?" | "{":
                raise EreError("Invalid preceding regular expression")
            case "(":
                node = self._group(depth)
            case "[":
                node = self._bracket()
            case ".":
                node = ANY
            case "\\":
                node = self._escape()
                if isinstance(node, Anchor):
                    return node
            case _:
                node = Literal(character)
        while self.next and self.next in "*+?{":
            node = self._repeat(node)
        return node

    def _group(self, depth: int) -> Node:
        self.groups += 1
        number = self.groups
        body = Concatenation(()) if self.next == ")" else self.choice(depth + 1)
        if self.next != ")":
            raise EreError("Unmatched ( or \\(")
        self.at += 1
        self.closed.add(number)
        return Group(number, body)

    def _escape(self) -> Node:
        character = self.next
        if not character:
            raise EreError("Trailing backslash")
        self.at += 1
        if character in "123456789":
            if int(character) not in self.closed:
                raise EreError("Invalid back reference")
            return Reference(int(character))
        return _ESCAPES.get(character, Literal(character))

    def _repeat(self, body: Node | None) -> Node | None:
        """parse_dup_op(); None where `{0}` took or takes the expression away."""
        operator = self.next
        self.at += 1
        if operator != "{":
            return body and Repeat(body, int(operator == "+"), 1 if operator == "?" else None)
        # `{,n}` is `{0,n}` (parse_dup_op); `{}` and `{a}` are refused, not taken for characters.
        least, stop = self._number()
        if least is None and stop == ",":
            least = 0
        elif least is None:
            raise EreError("Invalid content of \\{\\}")
        most: int | None = least
        if stop == ",":
            most, stop = self._number()
        if stop != "}" or (most is not None and least > most):
            raise EreError("Invalid content of \\{\\}")
        if (least if most is None else most) > DUPLICATES:
            raise EreError("Regular expression too big")
        return None if most == 0 else body and Repeat(body, least, most)

    def _number(self) -> tuple[int | None, str]:
        """fetch_number(): the number up to a comma or brace, and which of them it was."""
        start = self.at
        while self.next and self.next not in ",}":
            if self.next == "\\":
                self.at += 1
            self.at += 1
        if not self.next:
            raise EreError("Unmatched \\{")
        digits = self.text[start : self.at]
        stop = self.next
        self.at += 1
        if not digits:
            return None, stop
        if not (digits.isascii() and digits.isdigit()):
            raise EreError("Invalid content of \\{\\}")
        return min(int(digits.lstrip("0")[:9] or "0"), DUPLICATES + 1), stop

    def _bracket(self) -> Node:
        negated = self.next == "^"
        self.at += negated
        if not self.next:
            raise EreError("Invalid regular expression")
        ranges: list[tuple[str, str]] = []
        classes: list[str] = []
        first = True
        # A ] that comes first is a member, a - that comes first or last too; a class cannot begin a range.
        while first or self.next != "]":
            kind, start = self._element(first)
            first = False
            if kind == "class":
                classes.append(start)
                self._need()
                continue
            end = start
            ranged = kind == "character" and self.next == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", "")
            if self.next == "-" and self.at + 1 >= len(self.text):
                raise EreError(_UNMATCHED_BRACKET)
            if ranged:
                self.at += 1
                end_kind, end = self._element(True)
                if end_kind != "character":
                    raise EreError("Invalid range end")
                if self.utf8 and any(c >= "\x80" and not "\udc80" <= c <= "\udcff" for c in (start, end)):
                    raise EreError("Invalid collation character")
                if start > end:
                    raise EreError("Invalid range end")
            ranges.append((start, end))
            self._need()
        self.at += 1
        return CharacterSet(negated, tuple(ranges), tuple(classes))

    def _need(self) -> None:
        if not self.next:
            raise EreError(_UNMATCHED_BRACKET)

    def _element(self, hyphen: bool) -> tuple[str, str]:
        """parse_bracket_element(): a character, an equivalence class of one, or a character class."""
        self._need()
        character = self.next
        self.at += 1
        if character == "[" and self.next and self.next in ".=:":
            return self._symbol()
        if character == "-" and not hyphen and self.next != "]":
            raise EreError("Invalid range end")
        return "character", character

    def _symbol(self) -> tuple[str, str]:
        """parse_bracket_symbol()."""
        delimiter = self.next
        self.at += 1
        end = self.text.find(delimiter + "]", self.at)
        name = self.text[self.at : end]
        if end < 0 or len(name.encode("utf-8", "surrogateescape")) >= 32:
            raise EreError(_UNMATCHED_BRACKET)
        self.at = end + 2
        if delimiter == ":":
            if name not in CLASSES:
                raise EreError("Invalid character class name")
            return "class", name
        if len(name.encode("utf-8", "surrogateescape")) != 1:
            raise EreError("Invalid collation character")
        return ("character" if delimiter == "." else "equivalence"), name
