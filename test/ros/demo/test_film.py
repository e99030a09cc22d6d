"""The pictures of the demo."""

from dataclasses import replace

import numpy as np
from PIL import Image
import pytest

from robustseg_core.labels import DELIVER
from robustseg_ros.demo.film import (
    BAR,
    GREEN,
    RED,
    SIDE,
    Film,
    Scene,
    draw_scene,
    draw_still,
)

NAMES = ('rgb', 'depth', 'event', 'lidar')


def make_scene(alive=NAMES, used=None, seed=0, time_s=1.0):
    rng = np.random.default_rng(seed)
    images = {
        'rgb': rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8),
        'depth': np.ones((SIDE, SIDE, 3), np.float32) * 0.5,
        'event': rng.integers(0, 3, (SIDE, SIDE, 3), np.uint8),
        'lidar': rng.uniform(0, 50, (SIDE, SIDE, 3)).astype(np.float32),
    }
    used = alive if used is None else used
    ids = np.full((SIDE, SIDE), DELIVER.classes.index('Road'), np.uint8) if used else None
    return Scene(time_s, 'sun', images, tuple(alive), tuple(used), ids)


def pixels_of(picture):
    return np.asarray(picture).astype(int)


def count(pixels, colour):
    return int((np.abs(pixels - np.array(colour)).max(axis=-1) < 8).sum())


def test_the_living_camera_is_shown_as_it_is():
    scene = make_scene()
    picture = pixels_of(draw_scene(scene, DELIVER))
    np.testing.assert_array_equal(picture[BAR : BAR + SIDE, :SIDE], scene.images['rgb'])


def test_what_a_dead_camera_misses_is_dim_grey_and_crossed_out():
    scene = make_scene(alive=NAMES[1:])
    picture = pixels_of(draw_scene(scene, DELIVER))[BAR : BAR + SIDE, :SIDE]
    assert count(picture, RED) > 100
    assert picture[:60].max() < 100
    assert (np.ptp(picture[:60], axis=-1) == 0).all()


def test_the_picture_of_a_dead_sensor_is_not_among_those_of_the_living():
    picture = pixels_of(draw_scene(make_scene(alive=NAMES[:3]), DELIVER))[2 * BAR + SIDE :, 384:]
    assert np.median(picture) < 20
    assert count(picture, RED) > 50


def test_the_mask_is_painted_over_the_leading_image():
    scene = make_scene()
    picture = pixels_of(draw_scene(scene, DELIVER))[BAR : BAR + 200, SIDE:]
    road = np.array(DELIVER.palette[DELIVER.classes.index('Road')])
    expected = 0.6 * road + 0.4 * scene.images['rgb'][:200]
    assert np.abs(picture - expected).max() <= 1


@pytest.mark.parametrize('dead', NAMES)
def test_the_dead_are_struck_out_in_red_and_the_living_are_green(dead):
    alive = tuple(name for name in NAMES if name != dead)
    place = NAMES.index(dead)
    strip = pixels_of(draw_scene(make_scene(alive), DELIVER))[BAR + SIDE : 2 * BAR + SIDE]
    for index in range(4):
        cell = strip[:, index * 128 : (index + 1) * 128]
        wanted, other = (RED, GREEN) if index == place else (GREEN, RED)
        assert count(cell, wanted) > 20
        assert count(cell, other) == 0


def test_a_frame_without_a_mask_says_so_and_shows_no_classes():
    picture = pixels_of(draw_scene(make_scene(used=()), DELIVER))[BAR : BAR + 200, SIDE:]
    assert picture.std() < 30
    assert (np.ptp(picture, axis=-1) < 30).all()


def make_film(count):
    """A film without noise, which no compression could bear."""
    film = Film(DELIVER)
    for n in range(count):
        scene = make_scene(time_s=n / 10)
        images = {
            name: np.full_like(image, 30 * n if image.dtype == np.uint8 else n / 10)
            for name, image in scene.images.items()
        }
        film.add(replace(scene, images=images))
    return film


def test_the_film_has_all_frames_at_their_pace(tmp_path):
    assert make_film(4).save(tmp_path / 'a.gif', 0.1) == 1
    with Image.open(tmp_path / 'a.gif') as saved:
        assert saved.n_frames == 4
        assert saved.info['duration'] == 100
        assert saved.info['loop'] == 0


def test_a_film_too_large_leaves_out_frames_and_keeps_its_length(tmp_path):
    film = make_film(8)
    film.save(tmp_path / 'all.gif', 0.1)
    limit = (tmp_path / 'all.gif').stat().st_size * 3 // 4
    assert film.save(tmp_path / 'less.gif', 0.1, limit) == 2
    assert (tmp_path / 'less.gif').stat().st_size <= limit
    with Image.open(tmp_path / 'less.gif') as saved:
        assert saved.n_frames == 4
        assert saved.info['duration'] == 200


def test_the_still_has_a_column_for_each_moment():
    picture = draw_still([make_scene(), make_scene(NAMES[1:])], DELIVER, side=200)
    assert picture.size == (406, 26 + 2 * 200 + 6)
    names = pixels_of(picture)[:26]
    assert count(names[:, :200], RED) == 0
    assert count(names[:, 206:], RED) > 20
