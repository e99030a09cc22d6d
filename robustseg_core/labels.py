"""Label sets: what the class ids mean and how they are painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import shown
from robustseg_core.typed import is_name, is_whole

IGNORE_ID = 255
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class LabelSet:
    """The classes of a data set, in the order of their ids.

    Attributes:
        name: Name of the set, e.g. ``deliver``.
        classes: Class names; the position is the id.
        palette: One RGB colour per class, 0..255.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[Colour, ...]

    def __post_init__(self) -> None:
        if not is_name(self.name) or not all(map(is_name, self.classes)):
            msg = f'Label set {shown(self.name)}: it and its classes must have names.'
            raise ConfigError(msg)
        if not 1 <= len(self.classes) <= IGNORE_ID:
            msg = (
                f'Label set {shown(self.name)} must have 1 to {IGNORE_ID} classes, '
                f'got {len(self.classes)}.'
            )
            raise ConfigError(msg)
        if len(self.classes) != len(self.palette):
            msg = (
                f'Label set {shown(self.name)} has {len(self.classes)} classes '
                f'but {len(self.palette)} colours.'
            )
            raise ConfigError(msg)
        if not all(len(c) == 3 and all(is_whole(v, 0, 255) for v in c) for c in self.palette):
            msg = f'Label set {shown(self.name)}: colours must be three numbers from 0 to 255.'
            raise ConfigError(msg)

    def __len__(self) -> int:
        return len(self.classes)

    def colour_table(self) -> NDArray[np.uint8]:
        """Return the RGB colour of every byte, (256, 3); ids without a class are black."""
        table = np.zeros((256, 3), np.uint8)
        table[: len(self)] = self.palette
        return table

    def colourise(self, class_ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Paint a map of class ids (H, W) as RGB (H, W, 3)."""
        return np.take(self.colour_table(), class_ids, axis=0)

    def to_dict(self) -> dict[str, Any]:
        return {
            'name': self.name,
            'classes': list(self.classes),
            'palette': [list(colour) for colour in self.palette],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelSet:
        try:
            return cls(
                name=values['name'],
                classes=tuple(values['classes']),
                palette=tuple((r, g, b) for r, g, b in values['palette']),
            )
        except (KeyError, TypeError, ValueError) as error:
            wrong = shown(error)
            msg = f'A label set needs name, classes and palette (RGB triples): {wrong}.'
            raise ConfigError(msg) from error


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Return colours for classes that have none of their own.

    The bits of the number are dealt to the three channels, highest first, so that neighbours
    differ most; the scheme of PASCAL VOC.
    """
    return tuple(
        (
            sum(((number >> 3 * bit) & 1) << 7 - bit for bit in range(8)),
            sum(((number >> 3 * bit + 1) & 1) << 7 - bit for bit in range(8)),
            sum(((number >> 3 * bit + 2) & 1) << 7 - bit for bit in range(8)),
        )
        for number in range(1, count + 1)
    )


def _label_set(name: str, table: str) -> LabelSet:
    """Read ``class r,g,b`` entries separated by ``|``."""
    classes, palette = [], []
    for entry in table.split('|'):
        label, _, colour = entry.strip().rpartition(' ')
        red, green, blue = (int(value) for value in colour.split(','))
        classes.append(label)
        palette.append((red, green, blue))
    return LabelSet(name, tuple(classes), tuple(palette))


DELIVER = _label_set(
    'deliver',
    'Building 70,70,70 | Fence 100,40,40 | Other 55,90,80 | Pedestrian 220,20,60 | '
    'Pole 153,153,153 | RoadLine 157,234,50 | Road 128,64,128 | SideWalk 244,35,232 | '
    'Vegetation 107,142,35 | Cars 0,0,142 | Wall 102,102,156 | TrafficSign 220,220,0 | '
    'Sky 70,130,180 | Ground 81,0,81 | Bridge 150,100,100 | RailTrack 230,150,140 | '
    'GroundRail 180,165,180 | TrafficLight 250,170,30 | Static 110,190,160 | '
    'Dynamic 170,120,50 | Water 45,60,150 | Terrain 145,170,100 | TwoWheeler 0,0,230 | '
    'Bus 0,60,100 | Truck 0,0,70',
)
MUSES = _label_set(
    'muses',
    'road 128,64,128 | sidewalk 244,35,232 | building 70,70,70 | wall 102,102,156 | '
    'fence 190,153,153 | pole 153,153,153 | traffic light 250,170,30 | '
    'traffic sign 220,220,0 | vegetation 107,142,35 | terrain 152,251,152 | '
    'sky 70,130,180 | person 220,20,60 | rider 255,0,0 | car 0,0,142 | truck 0,0,70 | '
    'bus 0,60,100 | train 0,80,100 | motorcycle 0,0,230 | bicycle 119,11,32',
)
MCUBES = _label_set(
    'mcubes',
    'asphalt 44,160,44 | concrete 31,119,180 | metal 255,127,14 | road_marking 214,39,40 | '
    'fabric 140,86,75 | glass 127,127,127 | plaster 188,189,34 | plastic 255,152,150 | '
    'rubber 23,190,207 | sand 174,199,232 | gravel 196,156,148 | ceramic 197,176,213 | '
    'cobblestone 247,182,210 | brick 199,199,199 | grass 219,219,141 | wood 158,218,229 | '
    'leaf 57,59,121 | water 107,110,207 | human 156,158,222 | sky 99,121,57',
)
NYU13 = _label_set(
    'nyu13',
    'bed 0,60,200 | books 230,90,40 | ceiling 210,230,240 | chair 230,30,60 | floor 150,110,70 | '
    'furniture 250,160,60 | objects 160,80,200 | picture 240,220,60 | sofa 40,160,160 | '
    'table 130,190,60 | tv 30,30,30 | wall 180,170,160 | window 110,190,250',
)
_NYU40_CLASSES = (
    *('wall', 'floor', 'cabinet', 'bed', 'chair', 'sofa', 'table', 'door', 'window', 'bookshelf'),
    *('picture', 'counter', 'blinds', 'desk', 'shelves', 'curtain', 'dresser', 'pillow'),
    *('mirror', 'floor_mat', 'clothes', 'ceiling', 'books', 'refrigerator', 'television'),
    *('paper', 'towel', 'shower_curtain', 'box', 'whiteboard', 'person', 'night_stand'),
    *('toilet', 'sink', 'lamp', 'bathtub', 'bag', 'otherstructure', 'otherfurniture'),
    'otherprop',
)
# Into which class of NYU13 each class of NYU40 falls (Couprie et al., arXiv:1301.3572).
NYU40_TO_NYU13 = (
    *(11, 4, 5, 0, 3, 8, 9, 11, 12, 5, 7, 5, 12, 9, 5, 12, 5, 6, 6, 4),
    *(6, 2, 1, 5, 10, 6, 6, 6, 6, 6, 6, 5, 6, 6, 6, 6, 6, 6, 5, 6),
)
NYU40 = LabelSet('nyu40', _NYU40_CLASSES, distinct_colours(len(_NYU40_CLASSES)))
LABEL_SETS = {labels.name: labels for labels in (DELIVER, MUSES, MCUBES, NYU13, NYU40)}


def label_set(name: str) -> LabelSet:
    """Return the label set called ``name``.

    Raises:
        ConfigError: No such set.
    """
    if name not in LABEL_SETS:
        msg = f'Unknown label set {shown(name)}; known are {sorted(LABEL_SETS)}.'
        raise ConfigError(msg)
    return LABEL_SETS[name]
