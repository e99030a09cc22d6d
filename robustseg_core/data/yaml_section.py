"""Mappings of a YAML file, read key by key; whatever is wrong is told with file and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
import math
from pathlib import Path
from typing import Any

from robustseg_core.documents import read_yaml
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.quoting import cut, shown


class Section:
    """A mapping whose keys are asked for one by one; one that nobody asked for is a mistake.

    Args:
        path: The file, for messages.
        key: Where in the file, with dots; empty for the whole.
        values: What stands there.

    Raises:
        ConfigError: It is no mapping from texts, or is empty.
    """

    def __init__(self, path: Path, key: str, values: Any) -> None:
        self._path = path
        self._key = key
        if not isinstance(values, Mapping) or not values:
            msg = f'{self.place()}: wanted keys with values, got {shown(values)}.'
            raise ConfigError(msg)
        if strange := [name for name in values if not isinstance(name, str)]:
            msg = f'{self.place()}: keys must be texts, got {shown(strange)}; put them in quotes.'
            raise ConfigError(msg)
        self._values: Mapping[str, Any] = values
        self._known: set[str] = set()

    @classmethod
    def of_file(cls, path: Path) -> Section:
        """Read the file at ``path``.

        Raises:
            ConfigError: It cannot be read, or is no YAML mapping.
        """
        try:
            values = read_yaml(path)
        except DataError as error:
            raise ConfigError(str(error)) from error
        return cls(path, '', values)

    def __contains__(self, name: str) -> bool:
        self._known.add(name)  # who asks knows what it means
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def place(self, name: str = '') -> str:
        """Return file and key for a message."""
        key = cut('.'.join(filter(None, (self._key, name))))
        return f'{str(self._path)!r}, {key}' if key else repr(str(self._path))

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Put file and key before the complaints of whatever judges the value of ``name``."""
        try:
            yield
        except ConfigError as error:
            msg = f'{self.place(name)}: {error}'
            raise ConfigError(msg) from error

    def value(self, name: str) -> Any:
        """Return what stands at ``name``, which must be there.

        Raises:
            ConfigError: It is not.
        """
        self._known.add(name)
        if name not in self._values:
            msg = f'{self.place()}: {name!r} is missing; found {shown(sorted(self._values), 500)}.'
            raise ConfigError(msg)
        return self._values[name]

    def text(self, name: str) -> str:
        """Return the text at ``name``.

        Raises:
            ConfigError: It is something else; YAML takes ``0001``, ``no`` and the like for such.
        """
        return self._text(name, self.value(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts at ``name``: a list of at least one, or a single one.

        Raises:
            ConfigError: It is something else.
        """
        values = self.value(name)
        if not isinstance(values, Sequence) or isinstance(values, str):
            values = [values]
        if not values:
            msg = f'{self.place(name)}: wanted at least one text, got {shown(values)}.'
            raise ConfigError(msg)
        return tuple(self._text(name, value) for value in values)

    def number(self, name: str) -> float:
        """Return the finite number at ``name``.

        Raises:
            ConfigError: It is something else.
        """
        return self._number(name, self.value(name))

    def three(self, name: str) -> tuple[float, float, float]:
        """Return the three finite numbers at ``name``; a single one counts for all three.

        Raises:
            ConfigError: It is something else.
        """
        values = self.value(name)
        if not isinstance(values, Sequence) or isinstance(values, str):
            values = [values] * 3
        if len(values) != 3:
            msg = f'{self.place(name)}: wanted one number or three, got {shown(values)}.'
            raise ConfigError(msg)
        first, second, third = (self._number(name, value) for value in values)
        return first, second, third

    def section(self, name: str) -> Section:
        """Return the mapping at ``name``.

        Raises:
            ConfigError: It is something else.
        """
        return Section(self._path, '.'.join(filter(None, (self._key, name))), self.value(name))

    def close(self) -> None:
        """Refuse what nobody has asked for.

        Raises:
            ConfigError: A key means nothing; says which one may have been meant.
        """
        if unknown := [name for name in self._values if name not in self._known]:
            known = sorted(self._known)
            near = get_close_matches(unknown[0], known, n=1)
            hint = f'did you mean {near[0]!r}?' if near else f'known are {known}.'
            msg = f'{self.place(unknown[0])}: unknown key; {hint}'
            raise ConfigError(msg)

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            msg = f'{self.place(name)}: wanted text, got {shown(value)}; put it in quotes.'
            raise ConfigError(msg)
        return value

    def _number(self, name: str, value: Any) -> float:
        try:
            # YAML 1.1 reads 1e-3 as text.
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            msg = f'{self.place(name)}: wanted a number, got {shown(value)}.'
            raise ConfigError(msg)
        return number
