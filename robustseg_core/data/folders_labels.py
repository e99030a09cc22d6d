"""Labels of loose folders: pictures of ids or of colours, and what their values mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.folders_pattern import FilePattern
from robustseg_core.data.reading import EXAMPLES, read_array
from robustseg_core.data.yaml_section import Section
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.labels import IGNORE_ID, LabelSet, distinct_colours, label_set
from robustseg_core.quoting import shown

IGNORE, REFUSE = 'ignore', 'refuse'
IDS, COLOURS = 'ids', 'colours'


@dataclass(frozen=True, kw_only=True)
class LabelFiles:
    """Where the labels lie and what their values mean.

    Attributes:
        pattern: Of the files.
        coloured: They are painted: a value is a colour, 0xRRGGBB; otherwise it is an id.
        classes: Value to class id, 255 = ignore.
        ignore_rest: Other values are ignored; otherwise they are refused.
    """

    pattern: FilePattern
    coloured: bool
    classes: Mapping[int, int]
    ignore_rest: bool

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Read class ids (H, W), 255 = ignore.

        Raises:
            DataError: The file cannot be read, is no label image, or holds a value without class.
        """
        raw = _colours(path) if self.coloured else _ids(path)
        known, classes = self._table
        places = np.searchsorted(known, raw).clip(max=len(known) - 1)
        is_known = known[places] == raw
        if not self.ignore_rest and not is_known.all():
            self._refuse(path, raw, is_known)
        return np.where(is_known, classes[places], np.uint8(IGNORE_ID))

    @cached_property
    def _table(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        pairs = sorted(self.classes.items())
        return np.array([key for key, _ in pairs]), np.array([c for _, c in pairs], np.uint8)

    def _refuse(self, path: Path, raw: NDArray[Any], is_known: NDArray[np.bool_]) -> None:
        strange = np.unique(raw[~is_known])
        examples = ' '.join(
            _colour_text(int(value)) if self.coloured else str(value)
            for value in strange[:EXAMPLES]
        )
        msg = (
            f'Labels {str(path)!r} hold {len(strange)} values without a class, in '
            f'{(~is_known).sum()} of {raw.size} pixels, e.g. {examples}; wanted one of the '
            f'{len(self.classes)} that the description knows (or labels.unmapped: ignore).'
        )
        raise DataError(msg)


def labels_of(section: Section) -> tuple[LabelSet, LabelFiles]:
    """Read the section ``labels`` of a description.

    Raises:
        ConfigError: Something is missing, unknown or contradictory.
    """
    labels = _label_set(section)
    text = section.text('pattern')
    with section.at('pattern'):
        pattern = FilePattern(text)
    coloured = _choice(section, 'format', (IDS, COLOURS)) == COLOURS
    values = section.value('map') if 'map' in section else None
    with section.at('map'):
        if values is None:
            classes = _as_they_are(labels, coloured=coloured)
        else:
            classes = _mapped(values, labels, coloured=coloured)
    ignore_rest = _choice(section, 'unmapped', (REFUSE, IGNORE)) == IGNORE
    section.close()
    return labels, LabelFiles(
        pattern=pattern, coloured=coloured, classes=classes, ignore_rest=ignore_rest
    )


def _choice(section: Section, name: str, choices: tuple[str, str]) -> str:
    """Return the text at ``name``, by default the first of ``choices``."""
    value = section.text(name) if name in section else choices[0]
    if value not in choices:
        msg = f'{section.place(name)}: wanted one of {list(choices)}, got {shown(value)}.'
        raise ConfigError(msg)
    return value


def _label_set(section: Section) -> LabelSet:
    if 'set' in section:
        name = section.text('set')
        with section.at('set'):
            return label_set(name)
    name, classes = section.text('name'), section.texts('classes')
    if doubles := sorted({each for each in classes if classes.count(each) > 1}):
        msg = (
            f'{section.place("classes")}: {shown(doubles)} are there twice; wanted different '
            f'names.'
        )
        raise ConfigError(msg)
    palette = section.value('palette') if 'palette' in section else distinct_colours(len(classes))
    with section.at('palette'):
        return LabelSet.from_dict({'name': name, 'classes': classes, 'palette': palette})


def _as_they_are(labels: LabelSet, *, coloured: bool) -> dict[int, int]:
    """Return what values mean without a map: ids are those of the classes, colours theirs."""
    if not coloured:
        return {**{number: number for number in range(len(labels))}, IGNORE_ID: IGNORE_ID}
    classes: dict[int, int] = {}
    for number, colour in enumerate(labels.palette):
        value = _packed(colour)
        if value in classes:
            names = [labels.classes[classes[value]], labels.classes[number]]
            msg = (
                f'Classes {shown(names)} share the colour {_colour_text(value)}; wanted '
                f'different ones.'
            )
            raise ConfigError(msg)
        classes[value] = number
    return classes


def _mapped(values: Any, labels: LabelSet, *, coloured: bool) -> dict[int, int]:
    if not isinstance(values, Mapping) or not values:
        msg = f'Wanted value: class, with {IGNORE!r} for none, got {shown(values)}.'
        raise ConfigError(msg)
    # 255 is no class wherever labels are bytes, unless the map says otherwise.
    classes = {} if coloured else {IGNORE_ID: IGNORE_ID}
    for key, target in values.items():
        classes[_colour(key) if coloured else _id(key)] = _class_id(target, labels)
    return classes


def _id(key: Any) -> int:
    if not isinstance(key, int) or isinstance(key, bool) or key < 0:
        msg = f'Wanted an id, a whole number >= 0 (or format: {COLOURS}), got {shown(key)}.'
        raise ConfigError(msg)
    return key


def _colour(key: Any) -> int:
    parts = [part.strip() for part in key.split(',')] if isinstance(key, str) else []
    if len(parts) != 3 or not all(part.isdecimal() and int(part) <= 255 for part in parts):
        msg = f"Wanted a colour such as '128,64,128', got {shown(key)}."
        raise ConfigError(msg)
    red, green, blue = (int(part) for part in parts)
    return _packed((red, green, blue))


def _class_id(target: Any, labels: LabelSet) -> int:
    if target == IGNORE:
        return IGNORE_ID
    if isinstance(target, str) and target in labels.classes:
        return labels.classes.index(target)
    is_number = isinstance(target, int) and not isinstance(target, bool)
    if is_number and (0 <= target < len(labels) or target == IGNORE_ID):
        return int(target)
    msg = (
        f'Wanted a class, its id 0..{len(labels) - 1}, or {IGNORE!r}, got {shown(target)}; '
        f'classes of {shown(labels.name)} are {shown(list(labels.classes), 500)}.'
    )
    raise ConfigError(msg)


def _packed(colour: tuple[int, int, int]) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _colour_text(value: int) -> str:
    return f'{value >> 16},{value >> 8 & 255},{value & 255}'


def _ids(path: Path) -> NDArray[np.integer[Any]]:
    """Read ids (H, W); of a picture with a palette the indices, which are what was labelled."""
    raw = read_array(path) if path.suffix == '.npy' else _pixels(path)
    if raw.ndim == 3 and (raw[..., :3] == raw[..., :1]).all():
        raw = raw[..., 0]
    if raw.ndim != 2 or raw.dtype.kind not in 'uib':
        msg = (
            f'Labels {str(path)!r} are {raw.dtype} {raw.shape}; wanted whole numbers of '
            f'(height, width), or labels.format: {COLOURS}.'
        )
        raise DataError(msg)
    return raw


def _colours(path: Path) -> NDArray[np.int32]:
    """Read colours (H, W) as 0xRRGGBB."""
    red, green, blue = np.moveaxis(_pixels(path, 'RGB').astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue)


def _pixels(path: Path, mode: str | None = None) -> NDArray[Any]:
    # OpenCV paints pictures with a palette and so loses the indices.
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return np.asarray(picture if mode is None else picture.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        msg = f'Cannot read the labels {str(path)!r}: {reason}.'
        raise DataError(msg) from error
