"""The vocabulary of sensors: what a modality is, and ordered sets of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.quoting import quoted, shown
from robustseg_core.ranges import Seen, Triple
from robustseg_core.typed import is_name, is_number


@dataclass(frozen=True)
class Normalisation:
    """Channel-wise (image - mean) / std, in the units of the modality's image.

    Attributes:
        mean: Value of each channel that becomes zero.
        std: Value of each channel that becomes one above the mean, > 0.
    """

    mean: Triple
    std: Triple

    def __post_init__(self) -> None:
        for name in ('mean', 'std'):
            values = tuple(getattr(self, name))
            if len(values) != 3:
                msg = f'Normalisation {name} must have 3 values, got {len(values)}.'
                raise ConfigError(msg)
            if not all(map(is_number, values)):
                msg = f'Normalisation {name} must be finite numbers, got {shown(values)}.'
                raise ConfigError(msg)
            object.__setattr__(self, name, tuple(map(float, values)))
        if min(self.std) <= 0:
            msg = f'Normalisation std must be > 0, got {self.std}.'
            raise ConfigError(msg)


MOST_MODALITIES = 12  # each doubles the number of subsets

IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
UNIT = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
BYTE = Normalisation((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))


@dataclass(frozen=True)
class Modality:
    """A kind of sensor as the network sees it; a value, so that YAML can declare a new one.

    Attributes:
        name: Its name in configs, samples, parameters and topics, e.g. ``depth``.
        letter: Its capital letter in the names of subsets, e.g. ``D`` in ``RDEL``.
        encoding: How the sensor's measurement becomes the network's three-channel image; one of
            the encodings of ``robustseg_core.sensors``.
        normalisation: Applied to that image before the network.
        unit: Of the image's numbers where the encoding leaves it open, e.g. ``kelvin``; or empty.
        scale: Factor that brought the numbers of the files trained on to the unit (depth: to
            metres), > 0; None = there were none, or it is not known.
        seen: What values the images had in training; None = nobody looked.

    Two modalities that differ in ``unit``, ``scale`` or ``seen`` alone are equal: these say where
    the images came from, not what the network makes of them.
    """

    name: str
    letter: str
    encoding: str
    normalisation: Normalisation
    unit: str = field(default='', kw_only=True, compare=False)
    scale: float | None = field(default=None, kw_only=True, compare=False)
    seen: Seen | None = field(default=None, kw_only=True, compare=False)

    def __post_init__(self) -> None:
        name, letter = self.name, self.letter
        if not is_name(name) or not name.isidentifier() or not name.islower():
            msg = f'A modality name must be a lower-case identifier, got {shown(name)}.'
            raise ConfigError(msg)
        if not isinstance(letter, str) or len(letter) != 1 or not letter.isupper():
            msg = f'The letter of modality {shown(name)} must be one capital, got {shown(letter)}.'
            raise ConfigError(msg)
        if not is_name(self.encoding):
            msg = (
                f'The encoding of modality {shown(name)} must be a name, '
                f'got {shown(self.encoding)}.'
            )
            raise ConfigError(msg)
        if not isinstance(self.unit, str):
            msg = (
                f'The unit of modality {shown(self.name)} must be a text, got {quoted(self.unit)}.'
            )
            raise ConfigError(msg)
        if self.scale is not None and not (is_number(self.scale) and self.scale > 0):
            msg = (
                f'The scale of modality {shown(self.name)} must be a number > 0, '
                f'got {quoted(self.scale)}.'
            )
            raise ConfigError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; what is not known is left out."""
        values: dict[str, Any] = {
            'name': self.name,
            'letter': self.letter,
            'encoding': self.encoding,
            'normalisation': asdict(self.normalisation),
        }
        if self.unit:
            values['unit'] = self.unit
        if self.scale is not None:
            values['scale'] = self.scale
        if self.seen is not None:
            values['seen'] = self.seen.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Modality:
        try:
            return cls(
                name=values['name'],
                letter=values['letter'],
                encoding=values['encoding'],
                normalisation=Normalisation(**values['normalisation']),
                unit=values.get('unit', ''),
                scale=values.get('scale'),
                seen=Seen.from_dict(values['seen']) if 'seen' in values else None,
            )
        except (AttributeError, KeyError, TypeError) as error:
            msg = (
                f'A modality needs name, letter, encoding and normalisation (mean, std), '
                f'got {shown(values)}.'
            )
            raise ConfigError(msg) from error


@dataclass(frozen=True)
class ModalitySet:
    """An ordered set of modalities; the order is that of every axis M and of subset names."""

    members: tuple[Modality, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, 'members', tuple(self.members))
        if not 1 <= len(self.members) <= MOST_MODALITIES:
            msg = (
                f'A modality set must have at least one modality and at most {MOST_MODALITIES}, '
                f'got {len(self.members)}.'
            )
            raise ConfigError(msg)
        for attribute in ('name', 'letter'):
            values = [getattr(member, attribute) for member in self.members]
            if len(set(values)) != len(values):
                msg = f'Modalities must differ in {attribute}, got {values}.'
                raise ConfigError(msg)

    def __iter__(self) -> Iterator[Modality]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Modality:
        for member in self.members:
            if member.name == name:
                return member
        msg = f'Unknown modality {shown(name)}; known are {shown(list(self.names), 500)}.'
        raise ConfigError(msg)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    @property
    def letters(self) -> str:
        return ''.join(member.letter for member in self.members)

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return ``names`` in this set's order.

        Raises:
            ConfigError: A name is not in this set.
        """
        wanted = {self[name].name for name in names}
        return tuple(name for name in self.names if name in wanted)

    def letters_of(self, names: Iterable[str]) -> str:
        """Return the letters of ``names`` in this set's order: lidar, rgb -> ``'RL'``."""
        return ''.join(self[name].letter for name in self.ordered(names))

    def from_letters(self, letters: str) -> tuple[str, ...]:
        """Return the names behind ``letters``, in this set's order: ``'LR'`` -> rgb, lidar."""
        by_letter = {member.letter: member.name for member in self.members}
        if unknown := sorted(set(letters) - set(by_letter)):
            msg = (
                f'Unknown modality letters {shown(unknown)} in {shown(letters)}; '
                f'known are {self.letters}.'
            )
            raise ConfigError(msg)
        return self.ordered(by_letter[letter] for letter in letters)

    def subsets(self) -> list[tuple[str, ...]]:
        """Return every non-empty subset of the names, smallest first, in the papers' order."""
        return [
            subset for size in range(1, len(self) + 1) for subset in combinations(self.names, size)
        ]

    def subset_index(self, names: Iterable[str]) -> int:
        """Return the place of a subset, given in any order, in ``subsets()``.

        Raises:
            ConfigError: A name is not one of the configured modalities.
            DataError: ``names`` is empty.
        """
        if not (subset := self.ordered(names)):
            msg = 'No modality: a subset has at least one, got none.'
            raise DataError(msg)
        return self._subset_indices[subset]

    @cached_property
    def _subset_indices(self) -> dict[tuple[str, ...], int]:
        return {subset: index for index, subset in enumerate(self.subsets())}

    def to_list(self) -> list[dict[str, Any]]:
        return [member.to_dict() for member in self.members]

    @classmethod
    def from_list(cls, values: Iterable[Mapping[str, Any]]) -> ModalitySet:
        return cls(tuple(Modality.from_dict(value) for value in values))
