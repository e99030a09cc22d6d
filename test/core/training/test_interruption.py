"""A run that is told to end says how to go on, and fails."""

from collections.abc import Callable
import os
from pathlib import Path
import shlex
import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest
import torch

from robustseg_core.train import main
from robustseg_core.training.interruption import Interrupted, interruptible
from robustseg_core.training.metrics_file import read_rows


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_raises_once_and_what_was_there_before_comes_back(number, status):
    before = signal.getsignal(number)
    other = {signal.SIGINT: signal.SIGTERM, signal.SIGTERM: signal.SIGINT}[number]

    def work() -> None:
        with interruptible(lambda _: None):
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(other)  # while it clears up

    with pytest.raises(Interrupted, match=signal.Signals(number).name) as caught:
        work()
    assert caught.value.status == status
    assert signal.getsignal(number) is before


def test_what_hangs_while_it_clears_up_is_ended_all_the_same():
    script = (
        'import signal, time\n'
        'from robustseg_core.training.interruption import interruptible\n'
        'with interruptible(lambda end: print("told:", end, flush=True), seconds=0.5):\n'
        '    try:\n'
        '        signal.raise_signal(signal.SIGTERM)\n'
        '    finally:\n'
        '        time.sleep(100)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (143, 'told: Ended by SIGTERM.\n')


def until_step(process: subprocess.Popen, metrics: Path, step: int) -> None:
    deadline = monotonic() + 300
    while process.poll() is None and monotonic() < deadline:
        rows = read_rows(metrics) if metrics.exists() else []
        if any(int(row['step']) >= step for row in rows):
            return
        sleep(0.05)
    pytest.fail(f'it ended with {process.poll()} before step {step}')


def started(arguments: list[str], *launcher: str) -> subprocess.Popen:
    command = [sys.executable, *launcher, '-m', 'robustseg_core.train', *arguments]
    environment = {**os.environ, 'OMP_NUM_THREADS': str(torch.get_num_threads())}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_told_to_end_fails_and_its_own_words_go_on_to_the_same_files(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    number: int,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = ('log_every=1', 'teacher.epochs=4', 'workers=1', '--stage', 'teacher')
    assert main(tiny(frames_root, tmp_path / 'unbroken', *settings)) == 0
    out = tmp_path / 'an odd folder'
    process = started(tiny(frames_root, out, *settings))
    until_step(process, out / 'teacher/metrics.csv', 5)  # an epoch has four
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == status
    last = told.splitlines()[-1]
    assert last.startswith(f'robustseg_core.train: Ended by {signal.Signals(number).name}. To go')
    assert 'Traceback' not in told
    assert not list((out / 'teacher').glob('.*')), 'nothing half-written'

    words = shlex.split(last.partition('python -m robustseg_core.train ')[2])
    assert words[-1] == '--resume'
    assert main(words) == 0
    for name in ('teacher.safetensors', 'teacher/last.safetensors'):
        assert (out / name).read_bytes() == (tmp_path / 'unbroken' / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_several_processes_end_with_the_first(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]], number: int
) -> None:
    """Lightning starts the second itself; nobody but the first is told."""
    settings = ('log_every=1', 'teacher.epochs=100', 'devices=2', 'teacher.batch_size=2')
    process = started(tiny(frames_root, tmp_path, *settings, '--stage', 'teacher'))
    until_step(process, tmp_path / 'teacher/metrics.csv', 5)
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    others = [
        child
        for child in children
        if 'robustseg_core' in Path(f'/proc/{child}/cmdline').read_text()
    ]
    assert others
    process.send_signal(number)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert told.count('To go on after the last whole epoch') == 1
    deadline = monotonic() + 10
    while any(Path(f'/proc/{child}').exists() for child in others):
        assert monotonic() < deadline, 'the second process goes on'
        sleep(0.1)
