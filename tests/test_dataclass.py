"""`pjsipdiag.dataclass` does what the standard library's decorator and named tuples do, and type checkers see those."""

import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import pytest

from pjsipdiag import dataclass as own

T = TypeVar("T")


def classes(dataclass: Any) -> dict[str, Any]:
    """One class of each form that is used."""

    @dataclass(frozen=True, slots=True)
    class Base:
        name: str
        seen: list[int] = field(default_factory=list, compare=False)
        secret: str = field(default="s", repr=False)

    @dataclass(frozen=True, slots=True)
    class Derived(Base):
        """With a docstring."""

        where: int = 0
        last: int = field(kw_only=True)

        def __str__(self) -> str:
            return self.name

    @dataclass(slots=True)
    class Open(Generic[T]):
        value: T
        more: int = 1

        def __post_init__(self) -> None:
            self.more += 1

    @dataclass
    class Plain:
        items: list[int] = field(default_factory=list)

        @cached_property
        def total(self) -> int:
            return sum(self.items)

    @dataclass(frozen=True, eq=False)
    class Identical:
        _private: int = 3

    @dataclass(frozen=True, slots=True)
    class Empty:
        pass

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        first: int
        second: str = ""

    @dataclass(frozen=True, slots=True)
    class Constant:
        value: int
        kind: ClassVar[str] = "constant"

    found = (Constant, Base, Derived, Open, Plain, Identical, Empty, Ordered)
    for one in found:
        one.__qualname__ = one.__name__
    return {one.__name__: one for one in found}


def pickled(one: Any) -> Any:
    globals()[type(one).__name__] = type(one)  # where a pickle finds it
    return pickle.loads(pickle.dumps(one))


def outcome(of: Callable[[], object]) -> object:
    try:
        return of()
    except (TypeError, AttributeError) as error:  # FrozenInstanceError is one of the latter
        return type(error), str(error).replace("classes.<locals>.", "").replace("tuples.<locals>.", "")


CASES: dict[str, Callable[[dict[str, Any]], object]] = {
    "repr": lambda c: [repr(c["Base"]("a")), repr(c["Derived"]("a", [1], last=2)), repr(c["Empty"]())],
    "own str": lambda c: str(c["Derived"]("a", last=1)),
    "doc": lambda c: [c["Derived"].__doc__, c["Derived"].__name__, c["Derived"].__match_args__],
    "equal": lambda c: [c["Base"]("a", [1]) == c["Base"]("a", [2]), c["Base"]("a") == c["Base"]("b")],
    "equal to another class": lambda c: [c["Base"]("a") == c["Derived"]("a", last=1), c["Empty"]() == ()],
    "identity": lambda c: [c["Identical"]() == c["Identical"](), c["Empty"]() == c["Empty"]()],
    "hash": lambda c: [len({c["Base"]("a", [1]), c["Base"]("a", [2])}), len({c["Empty"](), c["Empty"]()})],
    "order": lambda c: [c["Ordered"](1) < c["Ordered"](1, "a"), c["Ordered"](2) >= c["Ordered"](1, "a")],
    "order of another class": lambda c: c["Ordered"](1) < 1,
    "no order": lambda c: c["Base"]("a") < c["Base"]("b"),
    "no hash": lambda c: hash(c["Open"](1)),
    "assigned": lambda c: setattr(c["Base"]("a"), "name", "b"),
    "deleted": lambda c: delattr(c["Derived"]("a", last=1), "where"),
    "opened": lambda c: one.more if (one := c["Open"](1)).__setattr__("more", 9) is None else 0,
    "slots": lambda c: setattr(c["Open"](1), "other", 9),
    "too few": lambda c: c["Base"](),
    "too many": lambda c: c["Base"]("a", [], "s", 4),
    "by keyword only": lambda c: c["Derived"]("a", [], "s", 4, 5),
    "unknown": lambda c: c["Open"](1, other=2),
    "post": lambda c: c["Open"]("x").more,
    "factory": lambda c: [c["Plain"]().items is c["Plain"]().items, c["Plain"]([1, 2]).total],
    "private": lambda c: c["Identical"](4)._private,
    "replaced": lambda c: repr(replace(c["Derived"]("a", last=1), where=7)),
    "fields": lambda c: [[one.name for one in dataclasses.fields(it)] for it in c.values()],
    "types": lambda c: [(one.name, one.type) for one in dataclasses.fields(c["Derived"])],
    "annotations": lambda c: c["Derived"].__annotations__,
    "no field": lambda c: [c["Constant"](2).kind, repr(c["Constant"](2))],
    "as a dict": lambda c: dataclasses.asdict(c["Derived"]("a", [1], last=2)),
    "pickled": lambda c: [
        repr(pickled(one))
        for one in (c["Derived"]("a", [1], last=2), c["Open"](1), c["Plain"]([3]), c["Identical"](5), c["Empty"]())
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_as_in_the_standard_library(case: str) -> None:
    ours, theirs = classes(own.dataclass), classes(dataclasses.dataclass)
    assert outcome(lambda: CASES[case](ours)) == outcome(lambda: CASES[case](theirs))


def test_equal_before_any_was_initialized() -> None:
    """A pickle makes objects without `__init__`: in a process that only receives them, too."""
    made = classes(own.dataclass)["Base"]
    one, other = made.__new__(made), made.__new__(made)
    for each in (one, other):
        each.__setstate__(["a", [], "s"])
    assert one == other
    assert hash(one) == hash(other)


def test_a_pickle_of_a_frozen_object_holds_its_fields_alone() -> None:
    @own.dataclass(frozen=True)
    class Sum:
        items: tuple[int, ...]

        @cached_property
        def total(self) -> int:
            return sum(self.items)

    Sum.__qualname__ = Sum.__name__
    made = Sum((1, 2))
    assert made.total == 3
    assert vars(pickled(made)) == {"items": (1, 2)}


def test_help_shows_the_fields() -> None:
    for name, theirs in classes(dataclasses.dataclass).items():
        ours, wanted = (inspect.signature(one).parameters for one in (classes(own.dataclass)[name], theirs))
        assert [(one.name, one.kind) for one in ours.values()] == [(one.name, one.kind) for one in wanted.values()]


def tuples(named_tuple: Any) -> list[Any]:
    """One class of each form that is used."""

    class Place(named_tuple):  # type: ignore[misc]  # it is given
        """With a docstring."""

        name: str
        lines: tuple[int, ...] = ()
        last: "int | None" = None

        @property
        def first(self) -> int:
            return self.lines[0]

        def __str__(self) -> str:
            return self.name

        @classmethod
        def nowhere(cls) -> Any:
            return cls("")

    class Bare(named_tuple):  # type: ignore[misc]  # it is given
        one: int

    for one in (Place, Bare):
        one.__qualname__ = one.__name__
    return [Place, Bare]


OF_TUPLES: dict[str, Callable[[Any, Any], object]] = {
    "repr": lambda place, bare: [repr(place("a", last=1)), str(place("a")), repr(bare(1))],
    "doc": lambda place, bare: [place.__doc__, bare.__doc__, place.__match_args__, place.__module__, bare.__bases__],
    "equal": lambda place, bare: [bare(1) == (1,), place("a") == place("a", ()), hash(bare(1)) == hash((1,))],
    "parts": lambda place, _: [place("a", (3, 4)).first, place("b")[0], place.nowhere().name, place("a").last],
    "fields": lambda place, _: [place._fields, place._field_defaults, place("a", (1,))._asdict()],
    "replaced": lambda place, _: [repr(place("a")._replace(last=7)), repr(place._make("abc"))],
    "too few": lambda place, _: place(),
    "too many": lambda place, _: place("a", (), 1, 2),
    "unknown": lambda _, bare: bare(1, other=2),
    "assigned": lambda _, bare: setattr(bare(1), "one", 2),
    "slots": lambda _, bare: setattr(bare(1), "other", 2),
    "parameters": lambda place, bare: [list(inspect.signature(one).parameters) for one in (place, bare)],
    "pickled": lambda place, bare: [repr(pickled(one)) for one in (place("a", (1,)), bare(2))],
}


@pytest.mark.parametrize("case", OF_TUPLES)
def test_tuples_as_in_the_standard_library(case: str) -> None:
    ours, theirs = tuples(own.NamedTuple), tuples(NamedTuple)
    assert outcome(lambda: OF_TUPLES[case](*ours)) == outcome(lambda: OF_TUPLES[case](*theirs))
