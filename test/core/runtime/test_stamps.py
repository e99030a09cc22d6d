"""StampJudge."""

import pytest

from robustseg_core.runtime.stamps import StampJudge

S = 1_000_000_000
HOUR = 3600 * S
YEARS = 20_000 * HOUR


@pytest.mark.parametrize('lead', [0, -YEARS, YEARS])
def test_agreeing_inputs_are_believed_however_far_from_the_clock(lead):
    judge = StampJudge(2 * S, S)
    for index in range(20):
        now = YEARS + index * S // 10
        for name, lag in (('rgb', 0), ('depth', S // 3), ('lidar', S)):
            assert judge.judge(name, now + lead - lag, now).reason is None


@pytest.mark.parametrize(('error', 'side'), [(HOUR, 'ahead of'), (-HOUR, 'behind')])
def test_one_against_two_is_refused_and_told_by_how_much(error, side):
    judge = StampJudge(2 * S, S)
    judge.judge('rgb', 100 * S, 100 * S)
    judge.judge('depth', 100 * S, 100 * S)
    reason = judge.judge('lidar', 100 * S + error, 100 * S).reason
    assert f'3600.0 s {side} the other inputs; wanted at most ' in reason
    assert judge.judge('rgb', 101 * S, 101 * S).reason is None


def test_of_two_the_one_nearer_to_the_clock_is_right():
    judge = StampJudge(2 * S, S)
    judge.judge('rgb', 100 * S + HOUR, 100 * S)
    assert judge.judge('depth', 100 * S, 100 * S).reason is None
    assert judge.judge('rgb', 101 * S + HOUR, 101 * S).reason is not None


def test_without_recent_company_a_stamp_is_believed():
    judge = StampJudge(2 * S, S)
    judge.judge('rgb', 100 * S, 100 * S)
    judge.judge('depth', 100 * S, 100 * S)
    assert judge.judge('lidar', 103 * S + HOUR, 103 * S).reason is None


def test_all_inputs_may_move_to_another_time_together():
    judge = StampJudge(2 * S, S)
    names = ('rgb', 'depth', 'event', 'lidar')
    for name in names:
        assert judge.judge(name, 100 * S, 100 * S).reason is None
    refused = [
        judge.judge(name, 100 * S + HOUR + index * S // 10, 100 * S + index * S // 10).reason
        for index in range(3)
        for name in names
    ]
    assert not any(refused[3:])


def test_reset_forgets_the_company():
    judge = StampJudge(2 * S, S)
    judge.judge('rgb', 100 * S, 100 * S)
    judge.judge('depth', 100 * S, 100 * S)
    judge.reset()
    assert judge.judge('lidar', 100 * S + HOUR, 100 * S).reason is None


@pytest.mark.parametrize('step', [0, -S // 100])
def test_one_whose_stamps_stand_or_fall_does_not_draw_the_truth_along(step):
    judge = StampJudge(2 * S, S)
    for index in range(60):
        now = YEARS + index * S // 10
        stands = now if index < 10 else YEARS + S + (index - 10) * step
        judge.judge('depth', stands - YEARS, now)
        # Neither is of the clock's time, and both are right until one stands.
        assert judge.judge('rgb', now - YEARS + S // 5, now).reason is None


def test_a_lone_one_that_jumps_to_and_fro_does_not_shut_out_those_that_come_later():
    judge = StampJudge(2 * S, S)
    for index in range(20):
        now = YEARS + index * S // 20
        judge.judge('rgb', now - YEARS - (index % 2) * 3 * S // 2, now)
        if index > 1:
            for name in ('depth', 'event'):
                assert judge.judge(name, now - YEARS, now).reason is None
