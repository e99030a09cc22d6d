"""A disk without room ends a run in one line, and is left as it was."""

from collections.abc import Callable
import os
from pathlib import Path
import resource
import subprocess
import sys

import pytest
import torch

MOST_BYTES = 4_000_000  # the network's file fits, the state with its optimiser does not


def without_room() -> None:
    """Let writing fail in the midst of a large file, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_state_that_finds_no_room_is_told_in_one_line_and_leaves_nothing(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]]
) -> None:
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    arguments = tiny(frames_root, tmp_path / 'run', '--stage', 'teacher')
    done = subprocess.run(
        [sys.executable, '-m', 'robustseg_core.train', *arguments],
        env={
            **os.environ,
            'OMP_NUM_THREADS': str(torch.get_num_threads()),
            'TMPDIR': str(temporary),
        },
        preexec_fn=without_room,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert 'Traceback' not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith('robustseg_core.train: ')
    assert 'last.ckpt' in last
    assert 'cannot be written' in last
    assert not (tmp_path / 'run/teacher/last.ckpt').exists()
    assert not list((tmp_path / 'run/teacher').glob('.*'))
    assert not list(temporary.iterdir())
