"""`dataclass` and `NamedTuple` as in the standard library, at a part of the price: a command imports 170 and 55 of them
and ends soon.

The standard library compiles up to six methods for each class, which was a third of the time that a small capture
takes. Here equality, hash, repr and being frozen are plain functions, and `__init__` is compiled for classes of which
many objects are made: of most there are few or none. What `fields` and `replace` look at is made by the standard
library when they ask, and a type checker sees its decorator. A pickle of a frozen object holds its fields and nothing
else: a cached property is worked out again. A NamedTuple of `typing` compiles the type of each field to look at it,
which takes longer than all the rest; here the types stay as they are written.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

__all__ = ["NamedTuple", "dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
    from inspect import Signature
    from typing import NamedTuple
else:

    class _Named(type):
        """Makes a named tuple of the fields and methods that a class states."""

        def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace.get("__annotations__")
            if fields is None:  # Python 3.14 makes them when a class is asked, unless they are kept as text
                fields = super().__new__(cls, name, (), dict(namespace)).__annotations__
            defaults = [namespace[field] for field in fields if field in namespace]
            made = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])
            for key, value in namespace.items():
                if key not in fields:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Named):
        """As `typing.NamedTuple`."""

    def dataclass(
        cls: type | None = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> type | Callable[[type], type]:
        """As `dataclasses.dataclass`, with those of its options that are used here."""

        def made(cls: type) -> type:
            return _made(cls, frozen=frozen, slots=slots, eq=eq, order=order)

        return made if cls is None else made(cls)


_FEW = 16
"""To fill so many objects of a class field by field takes as long as to compile its `__init__`."""


class _Shape:
    """The fields of a class, those of its bases first, as the class states them: `given` is a default, what `field()`
    answered, or MISSING."""

    def __init__(self, cls: type) -> None:
        self.annotations: dict[str, object] = {}
        self.given: dict[str, Any] = {}
        for base in reversed(cls.__mro__[1:]):
            if isinstance(known := vars(base).get("__shape__"), _Shape):
                self.annotations |= known.annotations
                self.given |= known.given
        for name, annotation in cls.__annotations__.items():
            if "ClassVar" not in str(annotation):
                self.annotations[name] = annotation
                self.given[name] = vars(cls).get(name, MISSING)
        stated = {name: one for name, one in self.given.items() if isinstance(one, Field)}
        self.defaults = {name: stated[name].default if name in stated else one for name, one in self.given.items()}
        factories = {name: one.default_factory for name, one in stated.items()}
        self.factories = {name: make for name, make in factories.items() if make is not MISSING}
        self.positional = tuple(name for name in self.given if name not in stated or stated[name].kw_only is not True)
        self.shown = tuple(name for name in self.given if name not in stated or stated[name].repr)
        self.compared = tuple(name for name in self.given if name not in stated or stated[name].compare)

    def standard(self, cls: type) -> type:
        """A class of the standard library with these fields."""
        doc = cls.__doc__ or cls.__name__  # without one it would be made of the signature, which takes longer
        namespace = {"__module__": cls.__module__, "__doc__": doc, "__annotations__": self.annotations}
        namespace |= {name: one for name, one in self.given.items() if one is not MISSING}
        made: type = dataclasses.dataclass(init=False, repr=False, eq=False)(type(cls.__name__, (), namespace))
        return made


def _made(cls: type, *, frozen: bool, slots: bool, eq: bool, order: bool) -> type:
    own, shape = frozenset(vars(cls)), _Shape(cls)
    made: Any = _with_slots(cls, shape) if slots else cls
    for name in () if slots else own.intersection(shape.given):
        if shape.defaults[name] is MISSING:
            delattr(made, name)
        else:
            setattr(made, name, shape.defaults[name])
    methods: dict[str, object] = {
        "__shape__": shape,
        "__init__": _at_first(made, shape, frozen, slots),
        "__repr__": _repr,
        "__match_args__": shape.positional,
        "__signature__": _Signature(),
        "__dataclass_fields__": _Standard("__dataclass_fields__", made),
        "__dataclass_params__": _Standard("__dataclass_params__", made),
    }
    if eq:
        methods |= _comparison(shape, frozen, order)
    if frozen:
        methods |= _FROZEN
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made  # type: ignore[no-any-return]


def _with_slots(cls: type, shape: _Shape) -> type:
    """The class anew, for slots are there from the start or not at all."""
    taken = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    namespace = {name: one for name, one in vars(cls).items() if name not in shape.given}
    namespace["__slots__"] = tuple(name for name in shape.given if name not in taken)
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    made = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made


class _Standard:
    """An attribute that the standard library keeps with a class, made when somebody asks for it."""

    def __init__(self, name: str, cls: type) -> None:
        self.name, self.cls = name, cls

    def __get__(self, instance: object, owner: type) -> object:
        made = getattr(self.cls.__shape__.standard(self.cls), self.name)  # type: ignore[attr-defined]
        setattr(self.cls, self.name, made)
        return made


def _at_first(cls: Any, shape: _Shape, frozen: bool, slots: bool) -> Callable[..., None]:
    """`__init__` of the first few objects, and of calls that fail: it is compiled then."""
    put: Callable[[object, str, object], None] = object.__setattr__ if frozen else setattr
    left = _FEW

    def first(self: Any, /, *args: object, **named: object) -> None:
        nonlocal left
        left -= 1
        given = {**shape.defaults, **dict(zip(shape.positional, args, strict=False)), **named}
        fits = len(args) <= len(shape.positional) and named.keys().isdisjoint(shape.positional[: len(args)])
        missing = [name for name, value in given.items() if value is MISSING]
        if left < 0 or not fits or len(given) > len(shape.given) or not shape.factories.keys() >= {*missing}:
            cls.__init__ = _init(cls, shape, frozen, slots)
            cls.__init__(self, *args, **named)
            return
        for name, value in given.items():
            put(self, name, shape.factories[name]() if value is MISSING else value)
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    return first


def _init(cls: Any, shape: _Shape, frozen: bool, slots: bool) -> Callable[..., None]:
    """`__init__` as the standard library writes it; slots are filled by themselves, which takes half as long."""
    known: dict[str, Any] = {"__set__": object.__setattr__, "__made__": MISSING}
    parameters, lines = ["self"], []
    named = [name for name in shape.given if name not in shape.positional]
    for name in (*shape.positional, *named):
        value = name
        if name in named and "*" not in parameters:
            parameters.append("*")
        if name in shape.factories:
            known[f"__{name}__"] = shape.factories[name]
            parameters.append(f"{name}=__made__")
            value = f"__{name}__() if {name} is __made__ else {name}"
        elif shape.defaults[name] is not MISSING:
            known[f"__{name}__"] = shape.defaults[name]
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
        for field in sorted(dataclasses.fields(cls), key=lambda field: bool(field.kw_only)):
            made = "<made anew>" if field.default_factory is not MISSING else Parameter.empty
            default = made if field.default is MISSING else field.default
            kind = Parameter.KEYWORD_ONLY if field.kw_only else Parameter.POSITIONAL_OR_KEYWORD
            found.append(Parameter(field.name, kind, default=default, annotation=field.type))
        return Signature(found)


def _comparison(shape: _Shape, frozen: bool, order: bool) -> dict[str, object]:
    values: Callable[[object], object] = attrgetter(*shape.compared) if shape.compared else lambda _: ()

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
    shown = (f"{name}={getattr(self, name)!r}" for name in self.__shape__.shown)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _assign(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, name) for name in self.__shape__.given]


def _set_state(self: Any, state: list[object]) -> None:
    for name, value in zip(self.__shape__.given, state, strict=True):
        object.__setattr__(self, name, value)


_FROZEN = {"__setattr__": _assign, "__delattr__": _delete, "__getstate__": _state, "__setstate__": _set_state}
