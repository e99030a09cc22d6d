"""The picture of mask over image."""

import numpy as np
import pytest

from robustseg_ros.segment.overlay import paint_classes, paint_overlay, write_caption


def test_opacity_goes_from_the_image_to_the_colours():
    image = np.full((4, 6, 3), 100, np.uint8)
    colours = np.full((4, 6, 3), 200, np.uint8)
    assert (paint_overlay(image, 'rgb', colours, 0.0) == 100).all()
    assert (paint_overlay(image, 'rgb', colours, 1.0) == 200).all()
    assert (paint_overlay(image, 'rgb', colours, 0.25) == 125).all()


def test_every_id_has_its_own_colour():
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    class_ids = np.arange(256, dtype=np.uint8).reshape(8, 32)
    painted = paint_classes(class_ids, palette)
    assert [tuple(pixel) for pixel in painted.reshape(-1, 3)] == [tuple(row) for row in palette]


def test_image_is_brought_to_the_size_of_the_mask():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    overlay = paint_overlay(image, 'rgb', np.zeros((4, 6, 3), np.uint8), 0.0)
    assert overlay.shape == (4, 6, 3)
    assert (overlay[:2, :2] == 255).all()
    assert overlay.sum() == 4 * 3 * 255


@pytest.mark.parametrize(
    ('encoding', 'pixel', 'shown'),
    [
        ('rgb', (0, 200, 0), (0, 200, 0)),
        ('event_counts', (0, 3, 0), (70, 140, 255)),
        ('event_counts', (3, 0, 0), (255, 90, 70)),
        ('event_counts', (0, 0, 0), (0, 0, 0)),
    ],
)
def test_the_picture_of_an_input_is_that_of_its_encoding(encoding, pixel, shown):
    """A green picture has no blue, and a scene that darkens no ON events."""
    image = np.zeros((4, 4, 3), np.uint8)
    image[:] = pixel
    overlay = paint_overlay(image, encoding, np.zeros((4, 4, 3), np.uint8), 0.0)
    assert (overlay == shown).all()


def test_a_second_line_stands_below_the_first():
    one, two = (np.zeros((256, 256, 3), np.uint8) for _ in range(2))
    write_caption(one, 'rgb + lidar')
    write_caption(two, 'rgb + lidar', 'confidence 0.83')
    added = (two != one).any(axis=2)
    assert added.sum() > 200
    assert not added[:11].any()
    assert not added[28:].any()


def test_caption_is_written_at_the_top_and_readable_on_black_and_white():
    for background in (0, 255):
        picture = np.full((256, 256, 3), background, np.uint8)
        write_caption(picture, 'rgb + lidar')
        changed = (picture != background).any(axis=2)
        assert changed[:24, :128].sum() > 100
        assert not changed[24:].any()
