"""What is wrong for longer than a moment."""

import pytest

from robustseg_ros.node.condition_log import REMIND_S, REPEAT_S, ConditionLog


class Logger:
    def __init__(self):
        self.lines = []

    def warning(self, line):
        self.lines.append(line)

    info = warning


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def logger():
    return Logger()


@pytest.fixture
def log(logger, now):
    return ConditionLog(logger, lambda: now[0])


def test_told_when_it_begins_again_after_a_minute_and_when_it_is_over(log, logger, now):
    for second in range(int(REMIND_S) + 1):
        log.heed('clock', f'stopped for {second} s', over='goes on')
        now[0] += 1
    log.heed('clock', '', over='goes on')
    log.heed('clock', '', over='goes on')
    assert logger.lines == ['stopped for 0 s', f'stopped for {REMIND_S:.0f} s', 'goes on']


def test_what_holds_for_a_moment_only_is_not_told(log, logger, now):
    log.heed('depth', 'no publisher', after_s=3)
    now[0] += 2
    log.heed('depth', '', after_s=3, over='one has come')
    now[0] += 2
    log.heed('depth', 'no publisher', after_s=3)
    assert logger.lines == []
    now[0] += 3
    log.heed('depth', 'no publisher', after_s=3)
    assert logger.lines == ['no publisher']


def test_what_comes_and_goes_quickly_does_not_flood(log, logger, now):
    for _ in range(int(REPEAT_S)):
        log.heed('load', 'overload')
        log.heed('load', '')
        now[0] += 0.5
    assert logger.lines == ['overload']


def test_kinds_are_told_apart(log, logger):
    log.heed('a', 'one')
    log.heed('b', 'two')
    assert logger.lines == ['one', 'two']
