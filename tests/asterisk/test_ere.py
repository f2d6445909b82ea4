"""Extended regular expressions: the C library is the judge."""

from __future__ import annotations

import ctypes
import ctypes.util
import random
import time
from collections.abc import Iterator

import pytest

from pjsipdiag.asterisk.ere.automaton import Ere, EreError, compile_ere

LC_ALL, REG_EXTENDED, REG_NOSUB = 6, 1, 8

ATOMS = (
    "a", "b", "ab", "c", "-", "0", "_", " ", ".", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B", r"\<", r"\>", r"\`", r"\'",
    "^", "$", "[ab]", "[^a]", "[a-c]", "[[:alpha:]]", "[[:digit:]_]", "[[:space:]]", "[^[:alnum:]]", "(", "(", ")", ")",
    "|", "*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "{0}", "{", "}", "{a}", "{1", "[", "]", "[]a]", "[^]a]", "[a-",
    "[a-]", "[-a]", "[b-a]", "[--a]", "[a-b-c]", "[[.-.]]", "[[.a.]-c]", "[[=a=]b]", "[[:foo:]]", "[[.ab.]]", "[\\]",
    r"[\w]", r"\1", r"\2", "\\", r"\d", r"\(", r"\|", r"\{", r"\*", "[a-[:alpha:]]", "[[=a=]-c]", "[---]", "{2,1}",
    "{99999}", "{0000000002}", "{00000000000}", "{1,2,3}", "[[:alpha]", "[[]", "é", "[é]", "[à-ü]", "[^é]", "\udcff",
)  # fmt: skip
SUBJECTS = ("a", "b", "c", "-", "0", "1", "_", " ", ".", "x", "]", "[", "\\", "é", "\udcff", "}", "{", "d", "(", "ü")


class Library:
    """regcomp() and regexec() of this machine."""

    def __init__(self, locale: bytes) -> None:
        self.libc = ctypes.CDLL(ctypes.util.find_library("c"))
        self.libc.setlocale.restype = ctypes.c_char_p
        if not self.libc.setlocale(LC_ALL, locale):
            pytest.skip(f"no locale {locale.decode()} here")
        if not hasattr(self.libc, "gnu_get_libc_version"):
            pytest.skip("not the GNU C library")

    def matches(self, pattern: bytes, texts: list[bytes]) -> list[bool] | None:
        """Which texts match; None when the pattern does not compile."""
        compiled = ctypes.create_string_buffer(256)
        if self.libc.regcomp(compiled, pattern, REG_EXTENDED | REG_NOSUB):
            return None
        found = [self.libc.regexec(compiled, text, 0, None, 0) == 0 for text in texts]
        self.libc.regfree(compiled)
        return found


@pytest.fixture(params=[b"C", b"C.UTF-8"], ids=["C", "UTF-8"])
def library(request: pytest.FixtureRequest) -> Iterator[tuple[Library, bool]]:
    libc = ctypes.CDLL(None)
    libc.setlocale.restype = ctypes.c_char_p
    before = libc.setlocale(LC_ALL, None)
    yield Library(request.param), request.param != b"C"
    libc.setlocale(LC_ALL, before)  # Python opens text files in the locale of the process


def test_random_patterns_do_what_the_c_library_does(library: tuple[Library, bool]) -> None:
    judge, utf8 = library
    draw = random.Random(20)
    for _ in range(3000):
        pattern = "".join(draw.choice(ATOMS) for _ in range(draw.randint(1, 6)))
        texts = ["".join(draw.choice(SUBJECTS) for _ in range(draw.randint(0, 6))) for _ in range(4)]
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        ours = compiled(pattern, utf8)
        found = None if ours is None else [ours.search(text.decode("latin-1")) for text in encoded]
        assert found == judge.matches(pattern.encode("utf-8", "surrogateescape"), encoded), (pattern, texts)


CLASSES = ("alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit")
CHARACTERS = [*map(chr, range(1, 0x180)), "\u2028", "\u2029", "\u3000"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_holds_what_the_c_library_puts_into_it(name: str, library: tuple[Library, bool]) -> None:
    judge, utf8 = library
    characters = CHARACTERS if utf8 else CHARACTERS[:127]
    encoded = [character.encode() for character in characters]
    ours = compile_ere(f"^[[:{name}:]]$", utf8)
    found = [ours.search(text.decode("latin-1")) for text in encoded]
    expected = judge.matches(f"^[[:{name}:]]$".encode(), encoded)
    assert expected is not None
    assert [c for c, one, two in zip(characters, found, expected, strict=True) if one is not two] == []


def compiled(pattern: str, utf8: bool) -> Ere | None:
    try:
        return compile_ere(pattern, utf8)
    except EreError:
        return None


def test_hostile_pairs_take_linear_time() -> None:
    begun = time.process_time()
    assert not compile_ere("(a*)*(a|aa)+$", utf8=True).search("a" * 4000 + "b")
    assert time.process_time() - begun < 2


def test_what_does_not_compile_says_why() -> None:
    with pytest.raises(EreError, match="Invalid preceding regular expression"):
        compile_ere("*", utf8=True)
