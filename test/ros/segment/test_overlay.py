"""The picture of mask over image."""

import numpy as np

from robustseg_ros.segment.overlay import paint_classes, paint_overlay, viewable, write_caption


def test_opacity_goes_from_the_image_to_the_colours():
    image = np.full((4, 6, 3), 100, np.uint8)
    colours = np.full((4, 6, 3), 200, np.uint8)
    assert (paint_overlay(image, colours, 0.0) == 100).all()
    assert (paint_overlay(image, colours, 1.0) == 200).all()
    assert (paint_overlay(image, colours, 0.25) == 125).all()


def test_every_id_has_its_own_colour():
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    class_ids = np.arange(256, dtype=np.uint8).reshape(8, 32)
    painted = paint_classes(class_ids, palette)
    assert [tuple(pixel) for pixel in painted.reshape(-1, 3)] == [tuple(row) for row in palette]


def test_image_is_brought_to_the_size_of_the_mask():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    overlay = paint_overlay(image, np.zeros((4, 6, 3), np.uint8), 0.0)
    assert overlay.shape == (4, 6, 3)
    assert (overlay[:2, :2] == 255).all()
    assert overlay.sum() == 4 * 3 * 255


def test_what_has_no_colours_is_shown_in_grey_up_to_its_brightest():
    ranges = np.zeros((2, 2, 3), np.float32)
    ranges[0, 0, 0], ranges[0, 1, 0] = 50, 25
    grey = viewable(ranges)
    assert grey[0, 0].tolist() == [255, 255, 255]
    assert grey[0, 1].tolist() == [127, 127, 127]
    assert grey[1].max() == 0


def test_nothing_seen_is_black():
    assert viewable(np.zeros((2, 2, 3), np.float32)).max() == 0


def test_caption_is_written_at_the_top_and_readable_on_black_and_white():
    for background in (0, 255):
        picture = np.full((256, 256, 3), background, np.uint8)
        write_caption(picture, 'rgb + lidar')
        changed = (picture != background).any(axis=2)
        assert changed[:24, :128].sum() > 100
        assert not changed[24:].any()


def test_narrow_range_far_from_zero_is_stretched():
    kelvin = np.full((2, 2, 3), 290, np.float32)
    kelvin[0, 0], kelvin[0, 1] = 310, 300
    assert viewable(kelvin)[..., 0].tolist() == [[255, 127], [0, 0]]
