"""Frames of sibling folders."""

from pathlib import Path

import pytest

from robustseg_core.data.siblings import find_ids, names_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for file in (
        'img/day/1_rgb.png',
        'img/day/10_rgb.png',
        'img/day/2_rgb.txt',
        'img/night/4_rgb.png',
        'depth/day/1_depth.png',
        'depth/day/3_depth.png',
        'depth/dusk/5_depth.png',
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


def test_a_frame_is_what_has_a_file_in_any_folder(root: Path) -> None:
    places = [(root / 'img', '_rgb.png'), (root / 'depth', '_depth.png'), (root / 'no', '.png')]
    assert set(find_ids(places, 'day/*')) == {'day/1', 'day/3', 'day/10'}
    assert find_ids(places, 'night/*') == ['night/4']
    assert find_ids(places, 'noon/*') == []


def test_frames_come_in_the_order_of_paths_in_the_first_folder(root: Path) -> None:
    paths = sorted((root / 'img').glob('*/*.png'))  # 10_rgb.png comes before 1_rgb.png
    ids = [f'{path.parent.name}/{path.stem.removesuffix("_rgb")}' for path in paths]
    assert find_ids([(root / 'img', '_rgb.png')], '*/*') == ids


def test_folders_are_named_once_whichever_tree_has_them(root: Path) -> None:
    names = names_below([root / 'img', root / 'depth', root / 'no'], '*')
    assert names == ['day', 'dusk', 'night']
    assert names_below([root / 'img'], '*/*') == []
