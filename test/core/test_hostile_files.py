"""A short run of test/hostile_files.py; the long one is a command."""

from pathlib import Path
import subprocess
import sys

from hostile_files import REFUSED, answer, in_processes
from hostile_kinds import Kind
import pytest

from robustseg_core.errors import DataError

SEED = 3


@pytest.mark.parametrize(
    ('kind', 'count'),
    [('checkpoints', 40), ('descriptions', 60), ('settings', 20), ('pictures', 150)],
)
def test_damaged_files_are_read_or_refused_in_one_line(kind, count):
    answers = list(in_processes(kind, SEED, count))
    assert len(answers) == count
    assert not [each for each in answers if each[1] not in {'read', 'refused'}]
    assert sum(found == REFUSED for _, found, _ in answers) > count / 3


def test_damaged_bags_are_read_or_refused_in_one_line():
    pytest.importorskip('rosbags')
    answers = list(in_processes('bags', SEED, 12))
    assert not [each for each in answers if each[1] not in {'read', 'refused'}]


class Wrong(Kind):
    """A reader that does what none may."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def make(self, rng):
        raise NotImplementedError

    def command(self, path, out):
        raise NotImplementedError

    def read(self, path):
        raise self._error


@pytest.mark.parametrize(
    ('error', 'found'),
    [
        (DataError('one line'), 'refused'),
        (DataError('two\nlines'), '2 lines'),
        (DataError('x' * 5000), 'a line of 5000 characters'),
        (KeyError('x'), 'builtins.KeyError'),
        (MemoryError(), 'builtins.MemoryError'),
        (SystemExit(0), 'exit status 0'),
    ],
)
def test_the_run_tells_what_is_wrong(error, found, tmp_path):
    assert answer(Wrong(error), tmp_path)[0] == found


def test_the_command_says_what_it_found(tmp_path):
    script = Path(__file__).parents[1] / 'hostile_files.py'
    command = [sys.executable, str(script), '--count', '20', '--kinds', 'pictures', '--seed', '1']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('pictures: 20 files in ')
