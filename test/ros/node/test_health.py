"""The status of the whole."""

import pytest

from robustseg_ros.inputs.frames import FrameReport
from robustseg_ros.node.health import ERROR, OK, WARN, Health

LETTERS = {'rgb': 'R', 'depth': 'D'}


@pytest.fixture
def health():
    health = Health('segment', [])
    health.record(FrameReport(present=('rgb', 'depth')))
    return health


def whole(health, alive, notes=(), *, is_error=False):
    return health.whole(
        lifecycle='active',
        failure='',
        alive=alive,
        enabled=list(LETTERS),
        letters=LETTERS,
        notes=notes,
        is_error=is_error,
        values={},
    )


def test_all_is_well(health):
    status = whole(health, ['rgb', 'depth'])
    assert (status.level, status.message) == (OK, 'segmenting with RD')


def test_what_has_just_died_is_not_said_to_be_used(health):
    status = whole(health, ['depth'])
    assert (status.level, status.message) == (WARN, 'segmenting with D; without rgb')
    health.record(FrameReport(present=('rgb',)))
    assert whole(health, ['depth']).message == 'segmenting with nothing yet; without rgb'


def test_a_standing_clock_is_told_beside_that_nobody_lives(health):
    status = whole(health, [], ['clock stopped: no progress'])
    assert status.level == ERROR
    assert status.message == 'no living input: no masks; clock stopped: no progress'


def test_what_is_worse_than_a_warning_is_an_error(health):
    assert whole(health, ['rgb', 'depth'], ['x']).level == WARN
    assert whole(health, ['rgb', 'depth'], ['x'], is_error=True).level == ERROR
