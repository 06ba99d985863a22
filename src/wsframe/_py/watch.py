"""Whether anybody has replaced attributes since they were approved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter, is_
from types import ModuleType
from typing import Any

_ABSENT = object()
_KINDS, _CLASSES = 2, 16
_MAX_KNOWN = 64  # owners that are remembered


class Watch:
    """Tells whether classes and modules still have the attributes that a fast path bypasses.

    Args:
        approve: called with the value of an attribute as in the namespace of its class or module (no
            descriptor is called); returns whether a fast path may bypass it.
        kinds: for each of the objects that `holds` is called with, two at most, names of attributes of its
            class. Names that a class lacks are ignored.
        fixed: owners (classes and modules) and names of their attributes, which are looked at in each call.

    Raises:
        TypeError: an owner is neither a class nor a module.
        ValueError: there are more than two kinds, or more than sixteen fixed classes.
    """

    def __init__(
        self,
        approve: Callable[[Any], object],
        kinds: Iterable[Iterable[str]] = (),
        fixed: Iterable[tuple[Any, Iterable[str]]] = (),
    ) -> None:
        self._approve = approve
        self._kinds = [_names_of(names) for names in kinds]
        self._fixed = [(owner, _names_of(names)) for owner, names in fixed]
        for owner, _ in self._fixed:
            if not isinstance(owner, (type, ModuleType)):
                raise TypeError("an owner must be a class or a module")
        if len(self._kinds) > _KINDS or sum(isinstance(owner, type) for owner, _ in self._fixed) > _CLASSES:
            raise ValueError(f"more than {_KINDS} kinds or more than {_CLASSES} classes")
        self._known: dict[Any, tuple[Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]] = {}

    def holds(self, first: object = None, second: object = None) -> bool:
        """Tell whether all attributes, of the objects' classes and of the fixed owners, are as approved."""
        for owner, names in self._fixed:
            if not self._is_approved(owner, names):
                return False
        for instance, names in zip((first, second), self._kinds):  # noqa: B905
            if not self._is_approved(type(instance), names):
                return False
        return True

    def _is_approved(self, owner: Any, names: tuple[str, ...]) -> bool:
        known = self._known.get((owner, names))
        if known is not None:
            getter, values = known
            try:
                if all(map(is_, getter(owner), values)):
                    return True
            except AttributeError:  # one is gone
                pass
        present = []
        for name in names:
            value = _look_up(owner, name)
            if value is not _ABSENT:
                if not self._approve(value):
                    return False
                present.append(name)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        getter = attrgetter("__class__", *present, "__class__")  # two at least make a tuple
        self._known[owner, names] = getter, getter(owner)
        return True


def _names_of(attributes: Iterable[str]) -> tuple[str, ...]:
    names = tuple(attributes)
    if not all(isinstance(name, str) for name in names):
        raise TypeError("the name of an attribute must be a str")
    return names


def _look_up(owner: Any, name: str) -> Any:
    for one in owner.__mro__ if isinstance(owner, type) else (owner,):
        if name in one.__dict__:
            return one.__dict__[name]
    return _ABSENT
