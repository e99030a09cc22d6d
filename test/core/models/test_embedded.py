"""Checkpoints that come with the package."""

from pathlib import Path

import pytest

from robustseg_core import load_model
from robustseg_core.models.embedded import checkpoint_path


@pytest.mark.parametrize(
    ('name', 'letters', 'classes'),
    [
        ('streets_student', 'RDEL', 25),
        ('streets_teacher', 'RDEL', 25),
        ('nyuv2_student', 'RD', 13),
    ],
)
def test_a_bare_name_is_one_of_the_package_and_loads(
    name: str, letters: str, classes: int
) -> None:
    path = checkpoint_path(name)
    config = load_model(path).config
    assert (config.modalities.letters, len(config.labels)) == (letters, classes)
    assert path.stat().st_size < 10e6
    # Inputs are compared with what training saw.
    assert all(each.seen is not None and each.seen.frames == 200 for each in config.modalities)


def test_nothing_is_the_default() -> None:
    assert checkpoint_path('') == checkpoint_path() == checkpoint_path('streets_student')


def test_anything_else_is_a_path() -> None:
    assert checkpoint_path('runs/streets_student') == Path('runs/streets_student')
    assert checkpoint_path('mine.safetensors') == Path('mine.safetensors')
    assert checkpoint_path('~/mine.safetensors') == Path.home() / 'mine.safetensors'
