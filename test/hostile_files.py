"""Give the package files that are damaged at random, and tell what it did with them.

    python test/hostile_files.py --count 10000 --seed 1
    python test/hostile_files.py --kinds bags --count 500 --processes 20

A file is read, or refused in one line by an error of ours; anything else is a finding: another
exception, two lines, no answer in time, more memory than there may be, a process that dies, a file
left half-written. Every kind is read in a process of its own; --processes gives some to real
commands.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
import io
import json
import os
from pathlib import Path
import random
import re
import resource
import signal
import subprocess
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from hostile_kinds import KINDS, Kind

from robustseg_core.errors import RobustSegError

SHARES = {'checkpoints': 35, 'descriptions': 25, 'settings': 10, 'pictures': 25, 'bags': 5}
LONGEST_S = 60  # for one file, on a machine that others use
MOST_MEMORY = 6 << 30  # bytes of address space, most of which libraries only reserve
MOST_LINE = 2000  # characters
_NOT_OURS = re.compile(r'frame/s|^lib|^\[ *(WARN|ERROR)|^(?!robustseg_).*JPEG')
READ, REFUSED = 'read', 'refused'


class Slow(BaseException):
    """A file took too long; no handler of errors may take it for one."""


def answer(kind: Kind, path: Path) -> tuple[str, str]:
    """Read a file; return ``read``, ``refused`` or what is wrong, and the words."""
    error_output = io.StringIO()
    try:
        with redirect_stderr(error_output):
            kind.read(path)
    except RobustSegError as error:
        return _line(str(error))
    except SystemExit as error:
        if error.code in {1, 2}:
            return _line(error_output.getvalue().strip())
        return f'exit status {error.code}', ''
    except Slow:
        return f'no answer in {LONGEST_S} s', ''
    # What is looked for, whatever it is.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f'{type(error).__module__}.{type(error).__name__}', str(error)[:200]
    return READ, ''


def _line(text: str) -> tuple[str, str]:
    if len(text.splitlines()) != 1:
        return f'{len(text.splitlines())} lines', text[:200]
    if len(text) > MOST_LINE:
        return f'a line of {len(text)} characters', text[:200]
    return REFUSED, text


def work(name: str, seed: int, first: int, count: int) -> None:
    """Read ``count`` files of a kind; print a line of JSON before and after each."""
    signal.signal(signal.SIGALRM, _too_slow)
    with TemporaryDirectory() as folder:
        kind = KINDS[name](Path(folder))
        answer(kind, kind.make(random.Random(0)))  # the libraries are loaded before time counts
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        for number in range(first, first + count):
            path = kind.make(random.Random(f'{name} {seed} {number}'))
            tell(json.dumps([number]))
            signal.alarm(LONGEST_S)
            found = answer(kind, path)
            signal.alarm(0)
            tell(json.dumps([number, *found]))


def _too_slow(_number: int, _frame: Any) -> None:
    raise Slow


def in_processes(name: str, seed: int, count: int) -> Iterator[tuple[int, str, str]]:
    """Yield number, answer and words of each file; a process that dies is one answer, too."""
    first = 0
    while first < count:
        command = [sys.executable, __file__, '--work', name, '--seed', str(seed)]
        command += ['--first', str(first), '--count', str(count - first)]
        begun = first
        # What libraries say of broken images goes nowhere.
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=_environment(),
        ) as it:
            assert it.stdout is not None
            for line in it.stdout:
                number, *found = json.loads(line)
                begun = number
                if found:
                    first = number + 1
                    yield number, found[0], found[1]
        if first < count:
            yield begun, f'the process ended with {it.returncode}', ''
            first = begun + 1


def by_command(kind: Kind, number: int, seed: int, folder: Path) -> tuple[str, str]:
    """Give a file to a real command; return what it did as ``answer`` does."""
    path = kind.make(random.Random(f'command {seed} {number}'))
    out = folder / 'out'
    subprocess.run(['rm', '-rf', str(out)], check=True)
    out.mkdir()
    command = [sys.executable, '-m', *kind.command(path, out)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=2 * LONGEST_S, check=False,
            env=_environment(), errors='replace',
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f'no answer in {2 * LONGEST_S} s', ''
    if left := [each.name for each in out.rglob('.*')]:
        return f'left {left}', ''
    if done.returncode == 0:
        return READ, ''
    if done.returncode not in {1, 2}:
        return f'exit status {done.returncode}', done.stderr[-200:]
    # A bar of progress is no line, nor is what the libraries of images say beside ours.
    said = re.split(r'[\r\n]+', done.stderr)
    lines = [each for each in said if each.strip() and not _NOT_OURS.search(each)]
    if made := [each.name for each in out.rglob('*') if each.is_file()]:
        return f'refused and wrote {made}', ''
    return _line('\n'.join(lines))


def _environment() -> dict[str, str]:
    # One thread: address space of others is reserved and never used.
    threads = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', 'MALLOC_ARENA_MAX': '2'}
    paths = (str(Path(__file__).parent), str(Path(__file__).parents[1]))
    path = os.pathsep.join(filter(None, (*paths, os.environ.get('PYTHONPATH', ''))))
    prefix = os.environ.get('AMENT_PREFIX_PATH', sys.prefix)
    return {**os.environ, **threads, 'PYTHONPATH': path, 'AMENT_PREFIX_PATH': prefix}


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=10_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--kinds', nargs='+', choices=KINDS, default=list(KINDS))
    parser.add_argument('--processes', type=int, default=0, help='files for real commands, each')
    parser.add_argument('--work', choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument('--first', type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.work:
        work(args.work, args.seed, args.first, args.count)
        return 0
    findings = 0
    total = sum(SHARES[name] for name in args.kinds)
    for name in args.kinds:
        count, begin = round(args.count * SHARES[name] / total), time.monotonic()
        findings += _tell(name, count, begin, in_processes(name, args.seed, count))
        with TemporaryDirectory() as folder:
            kind, begin = KINDS[name](Path(folder)), time.monotonic()
            answers = (
                (number, *by_command(kind, number, args.seed, Path(folder)))
                for number in range(args.processes)
            )
            findings += _tell(f'{name} by command', args.processes, begin, answers)
    return 1 if findings else 0


def tell(line: str) -> None:
    sys.stdout.write(f'{line}\n')
    sys.stdout.flush()


def _tell(name: str, count: int, begin: float, answers: Iterator[tuple[int, str, str]]) -> int:
    """Print what came of a kind; return the number of findings."""
    if not count:
        return 0
    counts: Counter[str] = Counter()
    for number, found, words in answers:
        counts[found] += 1
        if found not in {READ, REFUSED}:
            tell(f'{name} {number}: {found} {words!r}')
    seconds = time.monotonic() - begin
    tell(f'{name}: {count} files in {seconds:.0f} s: {dict(counts)}')
    return sum(count for found, count in counts.items() if found not in {READ, REFUSED})


if __name__ == '__main__':
    sys.exit(main())
