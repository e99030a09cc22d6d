"""Masks as PNG files."""

import cv2
import numpy as np
import pytest

from robustseg_core.errors import DataError, WriteError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import IMAGENET, Modality
from robustseg_core.runtime.engine import Segmentation
from robustseg_core.runtime.mask_files import MaskFiles

RGB = Modality('rgb', 'R', 'rgb', IMAGENET)
LABELS = LabelSet('two', ('road', 'sky'), ((200, 100, 0), (0, 50, 250)))
IDS = np.array([[0, 1, 1]], np.uint8)
IMAGE = np.full((1, 3, 3), (100, 20, 240), np.uint8)
RESULT = Segmentation(IDS, np.array([[1.0, 0.5, 0.25]], np.float32), 0.5, ('rgb',), {})


def read(path):
    """Read a picture, three channels as RGB."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return pixels[..., ::-1] if pixels.ndim == 3 else pixels


def test_mask_and_colours_are_written_and_nothing_else(tmp_path):
    files = MaskFiles(tmp_path / 'new' / 'masks', LABELS, ['a'])
    files.write('a', RESULT, RGB, IMAGE)
    assert sorted(path.name for path in files.folder.iterdir()) == ['a.png', 'a_colour.png']
    np.testing.assert_array_equal(read(files.folder / 'a.png'), IDS)
    expected = [[(200, 100, 0), (0, 50, 250), (0, 50, 250)]]
    np.testing.assert_array_equal(read(files.folder / 'a_colour.png'), expected)


def test_overlay_is_six_tenths_of_the_colour_over_the_image(tmp_path):
    MaskFiles(tmp_path, LABELS, ['a'], overlay=True).write('a', RESULT, RGB, IMAGE)
    # Of the colour (200, 100, 0) and the image (100, 20, 240).
    assert read(tmp_path / 'a_overlay.png')[0, 0].tolist() == [160, 68, 96]


def test_confidence_is_a_byte(tmp_path):
    MaskFiles(tmp_path, LABELS, ['a'], confidence=True).write('a', RESULT, RGB, IMAGE)
    assert read(tmp_path / 'a_confidence.png').tolist() == [[255, 128, 64]]


def test_two_results_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="would be called 'a_colour'"):
        MaskFiles(tmp_path, LABELS, ['a', 'a_colour'])
    MaskFiles(tmp_path, LABELS, ['a', 'a_overlay'])
    with pytest.raises(DataError, match="would be called 'a_overlay'"):
        MaskFiles(tmp_path, LABELS, ['a', 'a_overlay'], overlay=True)


def test_masks_never_come_among_the_images(tmp_path):
    image = tmp_path / 'a.jpg'
    with pytest.raises(DataError, match=r"holds the input 'a\.jpg'; wanted another"):
        MaskFiles(tmp_path / 'x' / '..', LABELS, ['a'], [image])
    MaskFiles(tmp_path / 'x', LABELS, ['a'], [image])


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(WriteError, match=r"file/masks' cannot be made"):
        MaskFiles(tmp_path / 'file' / 'masks', LABELS, ['a'])
    files = MaskFiles(tmp_path / 'masks', LABELS, ['a'])
    (files.folder / 'a.png').mkdir()
    with pytest.raises(WriteError, match=r"a\.png' cannot be written"):
        files.write('a', RESULT, RGB, IMAGE)
