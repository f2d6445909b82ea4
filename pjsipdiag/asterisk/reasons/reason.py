"""A reason is a kind and what stands in its sentence; the sentence is made when somebody is to read it."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, unique
from typing import TYPE_CHECKING, Any

from pjsipdiag.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ReasonKind(Enum):
    """A kind of reason; its value is the sentence, with the names of fields in braces. Call it with the fields."""

    def __call__(self, **fields: object) -> Reason:
        return Reason(self, tuple(fields.items()))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is. A field `why` holds the reason that this one adds to."""

    kind: ReasonKind
    fields: tuple[tuple[str, object], ...] = ()

    def get(self, name: str) -> Any:
        """A field; None where the kind has none of that name."""
        return next((value for field, value in self.fields if field == name), None)

    def __getitem__(self, name: str) -> Any:
        return dict(self.fields)[name]

    def __str__(self) -> str:
        """The sentence; several words stand with commas."""
        shown = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in self.fields}
        return str(self.kind.value).format_map(shown)

    @property
    def first(self) -> Reason:
        """The reason that all others were added to."""
        why = self.get("why")
        return why.first if isinstance(why, Reason) else self

    @property
    def nested(self) -> Iterator[Reason]:
        """This reason and those that its fields hold."""
        yield self
        for _, value in self.fields:
            if isinstance(value, Reason):
                yield from value.nested

    @property
    def texts(self) -> Iterator[str]:
        """Every text that a field holds."""
        for _, value in self.fields:
            if isinstance(value, Reason):
                yield from value.texts
            elif isinstance(value, str | tuple):
                yield from (value,) if isinstance(value, str) else value

    def map_texts(self, change: Callable[[str], str]) -> Reason:
        """The reason with every text of its fields changed, also in the reasons that it adds to."""
        return replace(self, fields=tuple((name, _map_texts(value, change)) for name, value in self.fields))


def _map_texts(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, Reason):
        return value.map_texts(change)
    return change(value) if isinstance(value, str) else value


class WithReason:
    """A value with a reason."""

    __slots__ = ()
    why: Reason

    @property
    def reason(self) -> str:
        """`why` as a sentence."""
        return str(self.why)


@unique
class Words(ReasonKind):
    """Sentences that others made: PJSIP's parser, the C library, a running Asterisk."""

    SAID = "{text}"


def quote_words(text: str) -> Reason:
    return Words.SAID(text=text)
