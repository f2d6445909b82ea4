"""`dataclass` as in the standard library, at a fifth of its price: a command imports 190 of them and ends soon.

The standard library compiles up to six methods for each class, which was a third of the time that a small capture
takes. Here equality, hash, repr and being frozen are plain functions, and `__init__`, which many objects go through, is
compiled when the first of them is made: of most classes none ever is. Fields, slots and `replace` are those of the
standard library, and so is what a type checker sees. A pickle of a frozen object holds its fields and nothing else: a
cached property is worked out again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
    from inspect import Signature
else:

    def dataclass(
        cls: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> type | Callable[[type], type]:
        """As `dataclasses.dataclass`, with those of its options that are used here."""

        def made(cls: type) -> type:
            return _made(cls, frozen=frozen, slots=slots, eq=eq, order=order)

        return made if cls is None else made(cls)


def _made(cls: type, *, frozen: bool, slots: bool, eq: bool, order: bool) -> type:
    own = frozenset(vars(cls))
    annotations = cls.__annotations__
    if not any("Var" in str(one) or "KW_" in str(one) for one in annotations.values()):
        cls.__annotations__ = dict.fromkeys(annotations, object)  # or each text is searched for ClassVar and its like
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    made.__annotations__ = annotations
    for name, annotation in annotations.items():
        if name in made.__dataclass_fields__:
            made.__dataclass_fields__[name].type = annotation
    init = _at_first(made, frozen, slots)
    methods: dict[str, object] = {"__init__": init, "__repr__": _repr, "__signature__": _Signature()}
    if eq:
        methods |= _comparison(made, frozen, order)
    if frozen:
        methods |= _FROZEN
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _at_first(cls: Any, frozen: bool, slots: bool) -> Callable[..., None]:
    def first(self: object, /, *args: object, **named: object) -> None:
        cls.__init__ = _init(cls, frozen, slots)
        cls.__init__(self, *args, **named)

    return first


def _init(cls: Any, frozen: bool, slots: bool) -> Callable[..., None]:
    """`__init__` as the standard library writes it; slots are filled by themselves, which takes half as long."""
    known: dict[str, Any] = {"__set__": object.__setattr__, "__made__": MISSING}
    parameters, lines = ["self"], []
    for field in sorted(fields(cls), key=lambda field: bool(field.kw_only)):
        name = value = field.name
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        if field.default_factory is not MISSING:
            known[f"__{name}__"] = field.default_factory
            parameters.append(f"{name}=__made__")
            value = f"__{name}__() if {name} is __made__ else {name}"
        elif field.default is not MISSING:
            known[f"__{name}__"] = field.default
            parameters.append(f"{name}=__{name}__")
        else:
            parameters.append(name)
        if frozen and slots:
            known[f"__set_{name}__"] = getattr(cls, name).__set__
            lines.append(f"__set_{name}__(self, {value})")
        else:
            lines.append(f"__set__(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines or ["pass"]), known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


class _Signature:
    """The parameters of a class as `help` shows them, read from its fields when somebody asks."""

    def __get__(self, instance: object, cls: Any) -> Signature:
        if instance is not None:
            raise AttributeError("the signature is the class's")
        from inspect import Parameter, Signature

        found = []
        for field in sorted(fields(cls), key=lambda field: bool(field.kw_only)):
            made = "<made anew>" if field.default_factory is not MISSING else Parameter.empty
            default = made if field.default is MISSING else field.default
            kind = Parameter.KEYWORD_ONLY if field.kw_only else Parameter.POSITIONAL_OR_KEYWORD
            found.append(Parameter(field.name, kind, default=default, annotation=field.type))
        return Signature(found)


def _comparison(cls: Any, frozen: bool, order: bool) -> dict[str, object]:
    names = [field.name for field in fields(cls) if field.compare]
    values: Callable[[object], object] = attrgetter(*names) if names else lambda _: ()

    def equal(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: object) -> int:
        return hash(values(self))

    def ordered(compare: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
        return lambda self, other: (
            compare(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented
        )

    orders = {f"__{compare.__name__}__": ordered(compare) for compare in (lt, le, gt, ge)} if order else {}
    return {"__eq__": equal, "__hash__": hashed if frozen else None, **orders}


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _assign(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in fields(self)]


def _set_state(self: Any, state: list[object]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_FROZEN = {"__setattr__": _assign, "__delattr__": _delete, "__getstate__": _state, "__setstate__": _set_state}
