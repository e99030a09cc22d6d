"""Data sets by the name of their kind."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from robustseg_core.data.config import DataConfig
from robustseg_core.data.opening import open_frames
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.models.importers.protocols import published_modalities


def test_streets_to_train_on_share_no_frame_with_those_to_score_on() -> None:
    config = DataConfig(train_count=2, val_count=3, size=(64, 64))
    train, val = (open_frames(config, split, 5) for split in ('train', 'val'))
    assert (len(train), len(val)) == (2, 3)
    assert train[0]['id'] != val[0]['id']
    assert train[0]['images']['rgb'].shape == (64, 64, 3)


def test_only_the_modalities_wanted_are_there() -> None:
    config = DataConfig(modalities=('lidar', 'rgb'), size=(64, 64))
    frames = open_frames(config, 'train', 0)
    assert frames.modalities.letters == 'RL'
    assert set(frames[0]['images']) == {'rgb', 'lidar'}


def test_an_unknown_modality_or_split_is_named() -> None:
    with pytest.raises(ConfigError, match="'thermal'"):
        open_frames(DataConfig(modalities=('thermal',)), 'train', 0)
    with pytest.raises(ConfigError, match="'test'"):
        open_frames(DataConfig(), 'test', 0)


@pytest.mark.parametrize('kind', ['deliver', 'muses', 'mcubes', 'nyuv2'])
def test_a_wrong_root_is_told_by_every_reader(kind: str, tmp_path: Path) -> None:
    config = DataConfig(kind=kind, root=tmp_path)
    with pytest.raises(DataError, match=f'root {str(tmp_path)!r}'):
        open_frames(config, 'train', 0)


def test_a_set_without_a_wanted_sensor_is_refused_before_anything_is_computed(
    tmp_path: Path,
) -> None:
    for folder, suffix in (('rgb', 'jpg'), ('label13', 'png')):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / f'0003.{suffix}'), np.zeros((4, 4), np.uint8))
    config = DataConfig(kind='nyuv2', root=tmp_path)
    with pytest.raises(DataError, match='depth: 1 of 1'):
        open_frames(config, 'all', 0)
    assert len(open_frames(DataConfig(kind='nyuv2', root=tmp_path, modalities=('rgb',)), 'all', 0))


@pytest.mark.parametrize(
    ('kind', 'files'),
    [
        (
            'deliver',
            [
                'img/sun/val/MAP_1/0_rgb_front.png',
                'hha/sun/val/MAP_1/0_depth_front.png',
                'event/sun/val/MAP_1/0_event_front.png',
                'lidar/sun/val/MAP_1/0_lidar_front.png',
                'semantic/sun/val/MAP_1/0_semantic_front.png',
            ],
        ),
        (
            'muses',
            [
                'frame_camera/val/fog/day/0_frame_camera.png',
                'projected_to_rgb/event_camera/val/fog/day/0_event_camera.png',
                'projected_to_rgb/lidar/val/fog/day/0_lidar.png',
                'gt_semantic/val/fog/day/0_gt_labelTrainIds.png',
            ],
        ),
    ],
)
def test_published_inputs_can_be_asked_for(kind: Any, files: list[str], tmp_path: Path) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True)
        cv2.imwrite(str(tmp_path / file), np.zeros((4, 6), np.uint8))
    config = DataConfig(kind=kind, root=tmp_path, inputs='published')
    frames = open_frames(config, 'val', 0)
    assert frames.modalities == published_modalities(kind)
    assert set(frames[0]['images']) == set(frames.modalities.names)
