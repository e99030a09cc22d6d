"""Label sets."""

import numpy as np
import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.labels import (
    DELIVER,
    LABEL_SETS,
    MCUBES,
    MUSES,
    LabelSet,
    distinct_colours,
    label_set,
)


def test_the_data_sets_have_as_many_classes_as_published() -> None:
    assert {name: len(labels) for name, labels in LABEL_SETS.items()} == {
        'deliver': 25,
        'muses': 19,
        'mcubes': 20,
        'nyu13': 13,
        'nyu40': 40,
    }


@pytest.mark.parametrize(
    ('labels', 'class_id', 'name', 'colour'),
    [
        (DELIVER, 0, 'Building', (70, 70, 70)),
        (DELIVER, 5, 'RoadLine', (157, 234, 50)),
        (DELIVER, 24, 'Truck', (0, 0, 70)),
        (MUSES, 6, 'traffic light', (250, 170, 30)),
        (MUSES, 18, 'bicycle', (119, 11, 32)),
        (MCUBES, 19, 'sky', (99, 121, 57)),
    ],
)
def test_names_and_colours_stand_at_the_published_ids(
    labels: LabelSet, class_id: int, name: str, colour: tuple[int, int, int]
) -> None:
    assert labels.classes[class_id] == name
    assert labels.palette[class_id] == colour


def test_a_mask_is_painted_with_the_palette_and_unlabelled_is_black() -> None:
    painted = DELIVER.colourise(np.array([[6, 255], [9, 12]], np.uint8))
    assert painted.tolist() == [[[128, 64, 128], [0, 0, 0]], [[0, 0, 142], [70, 130, 180]]]


def test_a_label_set_survives_json() -> None:
    assert LabelSet.from_dict(MUSES.to_dict()) == MUSES


def test_bad_sets_are_refused() -> None:
    with pytest.raises(ConfigError, match='2 classes but 1 colours'):
        LabelSet('x', ('a', 'b'), ((0, 0, 0),))
    with pytest.raises(ConfigError, match=r"Unknown label set 'nyu'; known are \['deliver'"):
        label_set('nyu')
    with pytest.raises(ConfigError, match='needs name, classes and palette'):
        LabelSet.from_dict({'name': 'x', 'classes': ['a']})


def test_distinct_colours_differ_and_none_is_black() -> None:
    colours = distinct_colours(255)
    assert len(set(colours)) == 255
    assert (0, 0, 0) not in colours
    # The first three of PASCAL VOC's colour map.
    assert colours[:3] == ((128, 0, 0), (0, 128, 0), (128, 128, 0))
