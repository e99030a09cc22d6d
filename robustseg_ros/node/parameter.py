"""What a parameter is: its type, the values it allows, and when they count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
import math
from typing import Any

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import quoted

# Of any parameter: what is longer comes by mistake or in malice, and would be in every message.
MOST_CHARACTERS = 4096
MOST_ITEMS = 1000
Value = bool | int | float | str | list[str] | list[float]


class Effect(Enum):
    """When a new value counts."""

    AT_ONCE = 'at once'
    CONFIGURE = 'at the next configure'
    START = 'at the start only (read-only)'


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The declaration of one parameter.

    Attributes:
        name: With its prefix, e.g. ``depth.timeout``.
        default: Its default; its type is the parameter's type.
        description: What it does, with the unit.
        limits: Smallest and largest number allowed, or None.
        choices: The strings allowed, or empty for any.
        lengths: The list lengths allowed, or empty for any.
        is_topic: It is the name of a topic; relative ones move with the node's namespace.
        effect: When a new value counts.
    """

    name: str
    default: Value
    description: str
    limits: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    is_topic: bool = False
    effect: Effect = Effect.CONFIGURE

    @property
    def type_name(self) -> str:
        """Return the type in the words of ``ros2 param describe``."""
        if isinstance(self.default, list):
            return 'string array' if self.default else 'double array'
        names = {bool: 'boolean', int: 'integer', float: 'double', str: 'string'}
        return names[type(self.default)]

    def check(self, value: Any) -> Value:
        """Return ``value`` as this parameter's type: a whole number will do for a double.

        Raises:
            ConfigError: It is not of this type or out of range; says what was wanted.
        """
        typed = _typed(self.type_name, value)
        if typed is None or not self._allows(typed):
            msg = f'Parameter {self.name!r} is {_shown(value)}; wanted {self.wanted}.'
            raise ConfigError(msg)
        return typed

    def _allows(self, value: Value) -> bool:
        if not all(len(text) <= MOST_CHARACTERS for text in _texts(value)):
            return False
        if isinstance(value, list) and len(value) > MOST_ITEMS:
            return False
        if self.choices and value not in self.choices:
            return False
        if self.lengths and isinstance(value, list) and len(value) not in self.lengths:
            return False
        if self.limits and isinstance(value, int | float):
            return self.limits[0] <= value <= self.limits[1]  # false for NaN
        return True

    @property
    def wanted(self) -> str:
        """Return in words what values are allowed."""
        article = 'an' if self.type_name == 'integer' else 'a'
        words = 'the name of a topic' if self.is_topic else f'{article} {self.type_name}'
        if self.choices:
            words = f'one of {list(self.choices)}'
        if self.limits:
            words += f' from {self.limits[0]:g} to {self.limits[1]:g}'
        if self.lengths:
            words += ' of ' + ' or '.join(str(length) for length in self.lengths) + ' values'
        return words


def _texts(value: Value) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item


def _shown(value: Any) -> str:
    """Return ``repr(value)``, cut: it may be megabytes that a stranger sends."""
    if isinstance(value, str):
        return quoted(value)
    return quoted(repr(value)).strip('\'"') if len(repr(value)) > MOST_CHARACTERS else repr(value)


def _typed(type_name: str, value: Any) -> Value | None:
    """Return ``value`` as the type, or None if it is not of it."""
    if type_name == 'double' and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type_name == 'double array' and not isinstance(value, str) and isinstance(value, Iterable):
        numbers = list(value)
        if all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
            return [float(n) for n in numbers]
        return None
    if type_name == 'string array' and not isinstance(value, str) and isinstance(value, Iterable):
        strings = list(value)
        return strings if all(isinstance(s, str) for s in strings) else None
    kinds: dict[str, type[Any]] = {
        'boolean': bool,
        'integer': int,
        'double': float,
        'string': str,
    }
    return value if type(value) is kinds.get(type_name) else None  # a bool is an int to isinstance
