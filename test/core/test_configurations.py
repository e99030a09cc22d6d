"""The configurations that are shipped."""

from pathlib import Path

import pytest

from robustseg_core.data.folders_description import read_description
from robustseg_core.train import main

CONFIG = Path(__file__).parents[2] / 'config'
RUNS = sorted((CONFIG / 'train').glob('*.yaml'))


@pytest.mark.parametrize(
    'path', [path for path in RUNS if path.stem != 'streets'], ids=lambda path: path.stem
)
def test_a_run_is_understood_and_stops_only_at_data_that_is_not_there(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = f'out={tmp_path / "run"}'
    assert main(['--config', str(path), out, f'data.root={tmp_path}']) == 1
    assert f'root {str(tmp_path)!r}' in capsys.readouterr().err


def test_the_streets_need_no_data_and_their_student_a_teacher(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = CONFIG / 'train' / 'streets.yaml'
    assert main(['--config', str(path), '--stage', 'student', f'out={tmp_path}']) == 1
    assert f"'{tmp_path}/teacher.safetensors' cannot be read" in capsys.readouterr().err


def test_a_run_is_named_after_its_data() -> None:
    assert [path.stem for path in RUNS] == ['deliver', 'mcubes', 'muses', 'nyuv2', 'streets']


@pytest.mark.parametrize('path', sorted((CONFIG / 'data').glob('*.yaml')), ids=lambda p: p.stem)
def test_every_description_of_folders_is_understood(path: Path) -> None:
    description = read_description(path)
    assert len(description.modalities) >= 2
    assert description.splits
