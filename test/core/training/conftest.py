"""A tiny data set on disk, and the settings of tiny runs on it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

CLASSES = 4


def write_frames(root: Path, numbers: list[int], without_depth: set[int]) -> Path:
    """Write frames of 64 x 64 pixels in the layout of NYU Depth v2, all pixels labelled."""
    generator = np.random.default_rng(0)
    for folder in ('rgb', 'depth', 'label13'):
        (root / folder).mkdir(parents=True)
    for number in numbers:
        blocks = generator.integers(0, CLASSES, (4, 4), dtype=np.uint8)
        labels = np.kron(blocks, np.ones((16, 16), np.uint8))
        noise = generator.integers(0, 40, (64, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f'rgb/{number:04d}.jpg'), labels[..., None] * 60 + noise)
        cv2.imwrite(str(root / f'label13/{number:04d}.png'), labels)
        if number not in without_depth:
            cv2.imwrite(str(root / f'depth/{number:04d}.png'), labels * 50 + 20)
    return root


@pytest.fixture(scope='session')
def frames_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 frames to train on, 3 to validate on, all with both sensors."""
    root = tmp_path_factory.mktemp('complete') / 'nyu'
    return write_frames(root, [0, 1, 2, *range(30, 46)], set())


@pytest.fixture(scope='session')
def mixed_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, where every other frame to train on lacks depth."""
    root = tmp_path_factory.mktemp('mixed') / 'nyu'
    return write_frames(root, [0, 1, 2, *range(30, 46)], set(range(30, 46, 2)))


@pytest.fixture
def tiny() -> Callable[..., list[str]]:
    """Return the arguments of a run of mit_nano on one CPU core; later ones overrule."""

    def arguments(root: Path, out: Path, *more: str) -> list[str]:
        return [
            f'out={out}',
            'accelerator=cpu',
            'data.kind=nyuv2',
            f'data.root={root}',
            'data.size=[64,64]',
            'data.crop=[32,32]',
            'model.backbone=mit_nano',
            'model.head_width=8',
            'samples=1',
            *(
                f'{stage}.{setting}'
                for stage in ('teacher', 'student')
                for setting in ('epochs=2', 'batch_size=4', 'warmup_epochs=0.5', 'lr=1e-3')
            ),
            *more,
        ]

    return arguments
