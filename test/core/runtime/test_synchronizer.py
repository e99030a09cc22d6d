"""FrameSynchronizer, rule by rule."""

import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.frames import Drops, SyncConfig

MS = 1_000_000
S = 1000 * MS
ORDER = ('rgb', 'depth', 'lidar')


def test_a_complete_frame_goes_out_at_once_leader_first(bench):
    bench.add('lidar', 0)
    bench.add('depth', 2)
    bench.add('rgb', 0)
    leader, stamp, items = bench.poll()
    assert (leader, stamp) == ('rgb', 0)
    assert list(items.items()) == [('rgb', 'rgb@0'), ('depth', 'depth@2'), ('lidar', 'lidar@0')]
    assert bench.poll() is None


def test_the_others_are_waited_for_until_the_deadline_and_no_longer(bench):
    bench.at(5).add('rgb', 0)
    bench.add('depth', 0)
    assert bench.poll() is None
    assert bench.deadline() == 35
    assert bench.at(34).poll() is None
    assert bench.at(35).poll() == ('rgb', 0, {'rgb': 'rgb@0', 'depth': 'depth@0'})
    assert bench.deadline() is None


def test_waiting_is_measured_from_arrival_not_by_stamps(bench):
    bench.at(1000).add('rgb', 0)  # a second on its way
    assert bench.poll() is None
    assert bench.deadline() == 1030


def test_a_dead_modality_is_neither_waited_for_nor_fused(bench):
    bench.add('depth', 0)
    bench.add('lidar', 0)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'lidar') == ('rgb', 0, {'rgb': 'rgb@0', 'lidar': 'lidar@0'})
    bench.at(100).add('rgb', 100)
    assert bench.poll('rgb') == ('rgb', 100, {'rgb': 'rgb@100'})


def test_nothing_alive_gives_no_frame(bench):
    bench.add('rgb', 0)
    assert bench.sync.poll(()) is None
    assert bench.sync.poll(('radar',)) is None


def test_the_highest_living_modality_leads_and_leadership_moves(bench):
    for ms in (0, 100):
        for name in ORDER:
            bench.at(ms).add(name, ms)
        bench.poll()
    for ms in (200, 300):
        bench.at(ms).add('depth', ms)
        bench.at(ms).add('lidar', ms)
        assert bench.poll() is None  # rgb is believed alive still
    assert bench.poll('depth', 'lidar')[:2] == ('depth', 300)
    bench.at(400).add('rgb', 400)
    assert bench.poll() is None  # it is back and waits for the others again
    assert bench.at(430).poll() == ('rgb', 400, {'rgb': 'rgb@400'})


def test_a_lone_candidate_beyond_tolerance_is_absent(bench):
    bench.add('depth', -41)
    bench.add('rgb', 0)
    assert bench.at(30).poll('rgb', 'depth') == ('rgb', 0, {'rgb': 'rgb@0'})


def test_a_candidate_at_the_tolerance_is_taken(bench):
    bench.add('depth', -40)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'depth')[2] == {'rgb': 'rgb@0', 'depth': 'depth@-40'}


def test_the_nearest_within_tolerance_is_taken(bench):
    for stamp in (-30, -8, 12, 35):
        bench.add('depth', stamp)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'depth')[2]['depth'] == 'depth@-8'


def test_each_tolerance_is_its_own(make_bench):
    bench = make_bench(tolerance_ns={'rgb': 0, 'depth': 5 * MS, 'lidar': 60 * MS})
    bench.add('depth', 10)
    bench.add('lidar', 50)
    bench.add('rgb', 0)
    assert set(bench.poll()[2]) == {'rgb', 'lidar'}


def test_the_offset_is_subtracted_when_matching(make_bench):
    bench = make_bench(offset_ns={'lidar': 50 * MS})
    bench.add('lidar', 50)  # stamped 50 ms after the moment it stands for
    bench.add('lidar', 100)
    bench.add('rgb', 0)
    frame = bench.sync.poll(('rgb', 'lidar'))
    assert frame.items['lidar'].item == 'lidar@50'
    assert frame.items['lidar'].stamp_ns == bench.start_ns


def test_the_offset_of_the_leader_is_subtracted_too(make_bench):
    bench = make_bench(offset_ns={'rgb': 50 * MS})
    bench.add('depth', 0)
    bench.add('depth', 50)
    bench.add('rgb', 50)
    assert bench.poll('rgb', 'depth') == ('rgb', 0, {'rgb': 'rgb@50', 'depth': 'depth@0'})


def test_what_has_passed_the_leader_without_a_match_is_not_waited_for(bench):
    bench.add('depth', 60)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'depth') == ('rgb', 0, {'rgb': 'rgb@0'})


def test_a_nearer_one_that_is_about_to_come_is_waited_for(make_bench):
    # Tolerance above the period: without waiting, every frame would take the depth before.
    bench = make_bench(tolerance_ns=dict.fromkeys(ORDER, 120 * MS))
    bench.add('depth', -200)
    bench.add('depth', -100)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'depth') is None
    bench.at(10).add('depth', 0)
    assert bench.poll('rgb', 'depth')[2]['depth'] == 'depth@0'


def test_jitter_is_not_waited_for(bench):
    bench.add('depth', -103)
    bench.add('depth', -3)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'depth')[2]['depth'] == 'depth@-3'


def test_the_newest_complete_frame_wins_and_older_ones_are_counted(bench):
    for ms in (0, 100, 200):
        bench.at(ms).add('rgb', ms)
    bench.add('depth', 200)
    assert bench.poll('rgb', 'depth')[:2] == ('rgb', 200)
    assert bench.poll('rgb', 'depth') is None
    assert bench.sync.dropped == Drops(superseded=2)


def test_output_catches_up_after_a_slow_moment(bench):
    for ms in range(0, 1000, 100):  # nobody polls for a second
        for name in ORDER:
            bench.at(ms).add(name, ms)
    assert bench.at(1000).poll()[1] == 900
    for name in ORDER:
        bench.add(name, 1000)
    assert bench.poll()[1] == 1000


def test_one_lost_measurement_does_not_cost_the_complete_frame_before_it(bench):
    for name in ORDER:
        bench.add(name, 0)
    bench.at(100).add('rgb', 100)
    bench.add('lidar', 100)  # depth is lost
    bench.at(140)
    assert bench.poll()[1] == 0
    assert bench.poll() == ('rgb', 100, {'rgb': 'rgb@100', 'lidar': 'lidar@100'})
    assert bench.sync.dropped.total == 0


def test_a_frame_that_waits_does_not_hold_back_a_due_one(make_bench):
    bench = make_bench(max_wait_ns=150 * MS)
    bench.at(0).add('rgb', 0)
    bench.at(100).add('rgb', 100)
    assert bench.at(150).poll('rgb', 'depth')[1] == 0
    assert bench.deadline() == 250
    assert bench.at(250).poll('rgb', 'depth')[1] == 100


def test_stamps_of_frames_strictly_increase(bench):
    bench.add('rgb', 100)
    assert bench.poll('rgb')[1] == 100
    for stamp in (100, 60, 99):
        assert bench.add('rgb', stamp) is None
        assert bench.poll('rgb') is None
    assert bench.sync.dropped == Drops(duplicate=1, out_of_order=2)
    bench.add('rgb', 101)
    assert bench.poll('rgb')[1] == 101


def test_out_of_order_within_the_wait_is_still_sorted_in(bench):
    bench.add('depth', 0)
    bench.add('depth', 100)
    bench.add('rgb', 100)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'depth')[1] == 100
    assert bench.sync.dropped == Drops(superseded=1)


def test_a_new_leader_whose_clock_lags_does_not_go_back(bench):
    for ms in range(0, 400, 100):
        bench.at(ms).add('depth', ms)
        assert bench.poll('depth')[1] == ms
    emitted = []
    for ms in range(400, 1000, 100):  # rgb is back, 250 ms behind
        bench.at(ms).add('depth', ms)
        bench.add('rgb', ms - 250)
        if (frame := bench.poll('rgb', 'depth')) is not None:
            emitted.append(frame[:2])
    assert emitted == [('rgb', 350), ('rgb', 450), ('rgb', 550), ('rgb', 650)]
    assert bench.sync.dropped == Drops(late=2)
    assert bench.sync.restarts == 0


def test_late_measurements_of_the_leader_are_counted(bench):
    bench.add('depth', 300)
    assert bench.poll('depth')[1] == 300
    assert bench.poll('rgb') is None  # rgb leads from now on
    bench.add('rgb', 200)
    assert bench.sync.dropped == Drops(late=1)


def test_memory_is_bounded_and_what_falls_out_of_the_leader_is_counted(make_bench):
    bench = make_bench(depth=4)
    assert bench.poll('rgb') is None
    for ms in range(0, 1000, 10):
        bench.at(ms).add('rgb', ms)
        bench.add('lidar', ms)
    assert all(len(s.samples) <= 4 for s in bench.sync._streams.values())
    assert bench.poll('rgb')[1] == 990
    assert bench.sync.dropped == Drops(superseded=99)


def test_a_measurement_may_serve_two_frames_within_tolerance(bench):
    bench.add('lidar', 20)
    bench.add('rgb', 0)
    assert bench.poll('rgb', 'lidar')[2]['lidar'] == 'lidar@20'
    bench.at(33).add('rgb', 33)
    assert bench.at(63).poll('rgb', 'lidar')[2]['lidar'] == 'lidar@20'


def test_what_can_match_no_more_is_let_go(bench):
    for ms in (0, 100):
        for name in ORDER:
            bench.at(ms).add(name, ms)
    assert bench.poll()[1] == 100
    kept = {name: [s.item for s in each.samples] for name, each in bench.sync._streams.items()}
    assert kept == {name: [f'{name}@100'] for name in ORDER}


def test_one_that_comes_after_its_frame_can_still_serve_the_next(bench):
    bench.add('rgb', 0)
    assert bench.poll('rgb')[1] == 0
    bench.add('depth', -5)
    bench.at(20).add('rgb', 20)
    assert bench.poll('rgb', 'depth')[2] == {'rgb': 'rgb@20', 'depth': 'depth@-5'}


def test_unknown_modalities_are_answered_with_the_known(bench):
    with pytest.raises(ConfigError, match="'radar'; the order has"):
        bench.add('radar', 0)


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        ({'tolerance_ns': {'rgb': 1}}, r"no entry for \['depth', 'lidar'\]"),
        ({'max_wait_ns': -1}, 'must be >= 0, got -1'),
        ({'loop_threshold_ns': 0}, 'must be > 0 and at most max_skew_ns, got 0'),
        ({'loop_threshold_ns': 3 * S}, 'at most max_skew_ns'),
        ({'depth': 1}, 'depth must be >= 2, got 1'),
    ],
)
def test_config_refuses_what_makes_no_sense(changes, match):
    values = {'order': ORDER, 'tolerance_ns': dict.fromkeys(ORDER, 1), 'max_wait_ns': 1}
    with pytest.raises(ConfigError, match=match):
        SyncConfig(**(values | changes))
