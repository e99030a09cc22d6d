"""Label images of loose folders."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
import pytest

from robustseg_core.data.folders_labels import labels_of
from robustseg_core.data.yaml_section import Section
from robustseg_core.errors import DataError

PALETTE = [[128, 64, 128], [220, 20, 60], [0, 0, 142]]


def read(path: Path, **values: Any) -> list[list[int]]:
    known = {
        'name': 'streets',
        'classes': ['road', 'person', 'car'],
        'palette': PALETTE,
        'pattern': '{id}.png',
    }
    ids = labels_of(Section(path, 'labels', known | values))[1].read(path)
    assert ids.dtype == np.uint8
    return ids.tolist()


def write(path: Path, values: list[list[Any]], dtype: type = np.uint8) -> Path:
    Image.fromarray(np.array(values, dtype)).save(path)
    return path


def test_ids_are_those_of_the_classes_and_255_is_ignored(tmp_path: Path) -> None:
    assert read(write(tmp_path / 'a.png', [[0, 1], [2, 255]])) == [[0, 1], [2, 255]]


def test_map_turns_raw_ids_into_classes_by_name_or_number(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[0, 7, 8, 33, 255]])
    mapping = {0: 'ignore', 7: 'road', 8: 2, 33: 'person'}
    assert read(path, map=mapping) == [[255, 0, 2, 1, 255]]
    assert read(path, map=mapping | {255: 'car'}) == [[255, 0, 2, 1, 2]]


def test_16_bit_ids_and_arrays_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[0, 26001]], np.uint16)
    mapping = {0: 'ignore', 26001: 'car', 300: 'road'}
    assert read(path, map=mapping) == [[255, 2]]
    np.save(tmp_path / 'a.npy', np.array([[300, 26001]], np.int64))
    assert read(tmp_path / 'a.npy', map=mapping) == [[0, 2]]


def test_picture_with_a_palette_gives_its_indices(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode='P')
    picture.putpalette([9, 9, 9, 5, 5, 5, 1, 1, 1])
    picture.save(tmp_path / 'a.png')
    assert read(tmp_path / 'a.png') == [[0, 1, 2]]


def test_three_equal_channels_are_one(tmp_path: Path) -> None:
    assert read(write(tmp_path / 'a.png', [[[1, 1, 1], [2, 2, 2]]])) == [[1, 2]]


def test_colours_are_those_of_the_palette(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[PALETTE[2], PALETTE[0], PALETTE[1]]])
    assert read(path, format='colours') == [[2, 0, 1]]


def test_colours_may_be_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[[1, 2, 3], [0, 0, 0], [255, 255, 255]]])
    mapping = {'1,2,3': 'car', '0, 0, 0': 'ignore', '255,255,255': 0}
    assert read(path, format='colours', map=mapping) == [[2, 255, 0]]


def test_values_without_a_class_are_counted_and_the_first_named(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[0, 9, 9, 8, 7, 6, 255]])
    message = r"a.png' hold 4 values without a class, in 5 of 7 pixels, e.g. 6 7 8; wanted one of"
    with pytest.raises(DataError, match=message):
        read(path)
    path = write(tmp_path / 'b.png', [[PALETTE[0], [200, 0, 1]]])
    with pytest.raises(DataError, match=r'hold 1 values .* 1 of 2 pixels, e.g. 200,0,1'):
        read(path, format='colours')


def test_values_without_a_class_are_ignored_where_that_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[0, 9, 3, 2]])
    assert read(path, unmapped='ignore') == [[0, 255, 255, 2]]
    assert read(path, unmapped='ignore', map={9: 'car'}) == [[255, 2, 255, 255]]


def test_colours_are_not_taken_for_ids(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', [[PALETTE[0]]])
    with pytest.raises(DataError, match=r'are uint8 \(1, 1, 3\); .* or labels.format: colours'):
        read(path)


def test_floats_are_no_ids(tmp_path: Path) -> None:
    np.save(tmp_path / 'a.npy', np.zeros((2, 2)))
    with pytest.raises(DataError, match=r'are float64 \(2, 2\); wanted whole numbers'):
        read(tmp_path / 'a.npy')


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot read the labels '.*a.png': No such file"):
        read(tmp_path / 'a.png')
    path = write(tmp_path / 'a.png', np.random.default_rng(0).integers(0, 3, (64, 64)).tolist())
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(DataError, match=r"Cannot read the labels '.*a.png'"):
        read(path)
    path.write_text('no picture')
    with pytest.raises(DataError, match='cannot identify image file'):
        read(path, format='colours')
