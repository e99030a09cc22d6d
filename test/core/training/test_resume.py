"""A run that is killed goes on to the same weights, bit for bit."""

from collections.abc import Callable
import csv
import os
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic, sleep
from typing import Any

import pytest
import torch

from robustseg_core.train import main

# All that has a state: projections, averaged and accumulated weights.
SETTINGS = (
    'log_every=2',
    'workers=1',  # which read ahead
    'teacher_model.backbone=mit_b0',
    'teacher_model.head_width=16',
    'student.epochs=3',
    'student.batch_size=1',
    'student.accumulate=2',
    'student.ema_decay=0.9',
    'distillation.prototype_weight=100',
    'distillation.entropy_weight=1',
    'distillation.dropout=sample',
)


def last_step(metrics: Path) -> int:
    if not metrics.exists():
        return -1
    with metrics.open(newline='') as file:
        return max((int(row['step']) for row in csv.DictReader(file) if row['step']), default=-1)


def run_until_step(arguments: list[str], metrics: Path, step: int) -> int:
    """Start the command, kill it once it has logged ``step``; return its exit status."""
    command = [sys.executable, '-m', 'robustseg_core.train', *arguments]
    # As many threads as here: sums of another order would differ in the last bit.
    environment = {**os.environ, 'OMP_NUM_THREADS': str(torch.get_num_threads())}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = monotonic() + 1000
        while process.poll() is None and last_step(metrics) < step and monotonic() < deadline:
            sleep(0.02)
        process.send_signal(signal.SIGKILL)
        return process.wait()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_mid_epoch_resumes_to_the_same_files(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    unbroken, broken = tmp_path / 'unbroken', tmp_path / 'broken'
    assert main(tiny(frames_root, unbroken, *SETTINGS)) == 0

    # 8 steps make an epoch of the student: the 11th is in the midst of the second.
    metrics = broken / 'student' / 'metrics.csv'
    arguments = tiny(frames_root, broken, *SETTINGS)
    assert run_until_step(arguments, metrics, 11) == -signal.SIGKILL
    assert (broken / 'student' / 'last.ckpt').exists()
    assert not (broken / 'student.safetensors').exists()

    capsys.readouterr()
    assert main([*arguments, '--resume']) == 0
    told = capsys.readouterr().out
    assert 'teacher: complete already' in told
    assert 'student: goes on after 8 steps' in told
    for name in ('teacher.safetensors', 'student.safetensors', 'student/best.safetensors'):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes(), name
    assert metrics.read_text() == (unbroken / 'student' / 'metrics.csv').read_text()
