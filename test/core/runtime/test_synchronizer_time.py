"""FrameSynchronizer where time is not what it should be: stamps, loops, clocks."""

from dataclasses import replace

from robustseg_core.runtime.frames import Drops

ORDER = ('rgb', 'depth', 'lidar')


def test_a_stamp_far_ahead_is_refused_and_does_not_poison_the_output(bench):
    for ms in (0, 100):
        for name in ORDER:
            bench.at(ms).add(name, ms)
        assert bench.poll()[1] == ms
    reason = bench.at(200).add('rgb', 3_600_200)
    assert '3600.0 s ahead of the other inputs' in reason
    for name in ORDER[::-1]:
        bench.add(name, 200)
    assert bench.poll()[1] == 200
    assert bench.sync.restarts == 0


def test_a_lone_sensor_recovers_from_a_stamp_far_ahead(bench):
    for stamp in (0, 100, 3_600_000, 300, 400):
        bench.at(stamp % 3_600_000 or stamp % 1000).add('rgb', stamp)
        assert bench.poll('rgb')[1] == stamp
    assert bench.sync.restarts == 1


def test_a_stamp_that_stands_still_is_a_reason_but_a_repetition_is_not(bench):
    assert bench.add('rgb', 0) is None
    assert bench.add('rgb', 0) is None
    assert bench.add('rgb', 0) is None
    assert 'stands still' in bench.add('rgb', 0)
    assert bench.add('rgb', 100) is None
    assert bench.add('rgb', 100) is None


def test_a_stamp_that_stands_still_in_the_past_is_a_reason_too(bench):
    bench.add('rgb', 300)
    bench.poll('rgb')
    assert [bench.add('depth', 100) for _ in range(3)] == [None] * 3
    assert 'stands still' in bench.add('depth', 100)


def test_a_recording_that_starts_over_without_a_clock_starts_at_once(bench):
    for ms in range(0, 5000, 100):
        bench.at(ms).add('rgb', ms)
        bench.add('depth', ms)
        bench.poll('rgb', 'depth')
    for ms in range(5000, 5300, 100):
        bench.at(ms)
        bench.add('rgb', ms - 5000)
        bench.add('depth', ms - 5000)
        frame = bench.poll('rgb', 'depth')
        if ms > 5000:  # at the seam it may take a message to know who is right
            assert frame[1] == ms - 5000
    assert bench.sync.restarts == 1


def test_a_short_recording_starts_over_at_once_too(bench):
    for ms in range(0, 1600, 100):
        bench.at(ms).add('rgb', ms)
        assert bench.poll('rgb')[1] == ms
    bench.at(1600).add('rgb', 0)
    assert bench.poll('rgb')[1] == 0
    assert bench.sync.restarts == 1


def test_what_was_waiting_when_time_began_again_is_counted(bench):
    bench.at(5000).add('rgb', 5000)
    assert bench.poll() is None
    bench.at(5100).add('rgb', 3100)
    assert bench.sync.dropped == Drops(superseded=1)


def test_output_led_into_the_future_by_a_sensor_that_died_comes_back(bench):
    bench.add('rgb', 3_600_000)
    assert bench.poll('rgb')[1] == 3_600_000
    bench.at(5000).add('depth', 5000)
    assert bench.poll('depth')[1] == 5000
    assert bench.sync.restarts == 1


def test_a_clock_that_jumps_back_restarts_and_keeps_the_counts(bench):
    bench.at(20_000).add('rgb', 20_000)
    bench.add('rgb', 20_000)
    assert bench.poll('rgb')[1] == 20_000
    bench.at(0).add('rgb', 0)
    assert bench.poll('rgb')[1] == 0
    assert bench.sync.restarts == 1
    assert bench.sync.dropped == Drops(duplicate=1)


def test_what_waited_before_a_jump_back_is_not_a_frame_of_the_new_time(bench):
    bench.at(20_000).add('rgb', 20_000)
    assert bench.poll() is None
    bench.at(0)
    assert bench.poll('rgb') is None
    assert bench.sync.restarts == 1


def test_a_small_step_back_of_the_clock_does_not_lengthen_the_wait(bench):
    bench.at(900).add('rgb', 900)
    assert bench.poll() is None
    assert bench.at(100).deadline() == 130
    assert bench.at(130).poll()[1] == 900
    assert bench.sync.restarts == 0


def test_reset_begins_again_and_is_no_restart(bench):
    bench.add('rgb', 500)
    bench.poll('rgb')
    bench.sync.reset()
    bench.add('rgb', 100)
    assert bench.poll('rgb')[1] == 100
    assert bench.sync.restarts == 0


def test_reset_forgets_the_company_that_stamps_are_judged_by(bench):
    bench.add('depth', 0)
    bench.add('lidar', 0)
    bench.sync.reset()
    assert bench.add('rgb', -3_600_000) is None


def test_a_standing_clock_keeps_complete_frames_coming(bench):
    for ms in (0, 100, 200):
        for name in ORDER:
            bench.add(name, ms)
        assert bench.poll()[1] == ms


def test_a_standing_clock_does_not_wait_for_ever_for_a_dead_sensor(bench):
    bench.add('rgb', 0)
    assert bench.poll() is None
    bench.add('rgb', 100)
    assert bench.poll() == ('rgb', 0, {'rgb': 'rgb@0'})
    assert bench.poll() is None


def test_a_short_recording_played_again_long_after_its_end_restarts(bench):
    for ms in range(0, 1900, 100):
        bench.at(ms).add('rgb', ms)
        assert bench.poll('rgb') is not None
    # Another sensor, so that its own stamps tell nothing; none is as far back as a clock may lag.
    assert bench.at(6000).add('lidar', 0) is None
    assert bench.sync.restarts == 1
    assert bench.poll('lidar') == ('lidar', 0, {'lidar': 'lidar@0'})


def test_a_clock_that_lags_is_no_recording_played_again(bench):
    bench.at(0).add('rgb', 0)
    assert bench.poll('rgb') is not None
    for ms in range(100, 1500, 100):
        bench.at(ms).add('lidar', ms - 1500)
        assert bench.poll('lidar') is None
    assert bench.sync.restarts == 0
    bench.at(1600).add('lidar', 100)
    assert bench.poll('lidar') == ('lidar', 100, {'lidar': 'lidar@100'})


def test_one_sensor_whose_stamps_jump_to_and_fro_restarts_nobody_and_is_refused(bench):
    emitted, reasons = [], []
    for index, ms in enumerate(range(0, 4000, 100)):
        bench.at(ms)
        bench.add('lidar', ms)
        bench.add('rgb', ms)
        reasons.append(bench.add('depth', ms - 1500 * (index % 2)))
        alive = ('rgb', 'lidar', *(() if reasons[-1] else ('depth',)))
        emitted.append(bench.poll(*alive)[1])
    assert emitted == list(range(0, 4000, 100))
    assert bench.sync.restarts == 0
    assert reasons[0] is None
    assert 'jumps back by 1.4 s, and those of the other inputs do not' in reasons[1]
    assert all(reasons[3:])
    assert 'jump to and fro' in reasons[-2]


def test_stamps_that_jumped_once_and_are_steady_again_are_believed(bench):
    reasons = []
    for ms in range(0, 2000, 100):
        bench.at(ms).add('rgb', ms)
        reasons.append(bench.add('depth', ms if ms < 500 else ms - 1900))
    assert reasons[:5] == [None] * 5
    assert all(reasons[5:10])
    assert reasons[10:] == [None] * 10
    assert bench.sync.restarts == 0


def test_one_odd_stamp_costs_no_other_message(bench):
    for ms in range(0, 1000, 100):
        bench.at(ms).add('rgb', ms)
        reason = bench.add('depth', ms - (1500 if ms == 500 else 0))
        assert (reason is not None) == (ms == 500)


def test_a_leader_that_is_back_with_a_lagging_clock_does_not_stop_the_output(bench):
    emitted = []
    for ms in range(0, 3000, 100):
        bench.at(ms).add('depth', ms)
        if ms >= 1000:
            bench.add('rgb', ms - 1500)
        emitted += [bench.poll('rgb', 'depth')] if ms >= 1000 else [bench.poll('depth')]
        emitted += [bench.at(ms + 40).poll('rgb', 'depth')]
    stamps = [frame[1] for frame in emitted if frame is not None]
    assert stamps == list(range(0, 3000, 100))


def test_a_leader_whose_stamps_fall_loses_the_lead_and_is_refused(bench):
    emitted, reasons = [], []
    for index, ms in enumerate(range(0, 2000, 100)):
        bench.at(ms).add('depth', ms)
        reasons.append(bench.add('rgb', ms if ms < 500 else 400 - index))
        alive = ('depth',) if reasons[-1] else ('rgb', 'depth')
        emitted += [bench.poll(*alive), bench.at(ms + 40).poll(*alive)]
    stamps = [frame[1] for frame in emitted if frame is not None]
    assert stamps == [*range(0, 500, 100), *range(900, 2000, 100)]
    assert 'stamps do not go on: none of 5 is newer' in next(filter(None, reasons))


def test_a_recording_of_four_restarts_with_half_of_them_and_loses_no_more(make_bench):
    names = ('rgb', 'depth', 'event', 'lidar')
    bench = make_bench(order=names, tolerance_ns=dict.fromkeys(names, 40_000_000))
    emitted = []
    for ms in range(0, 6000, 100):
        for name in names:
            bench.at(ms).add(name, ms % 3000)
        if (frame := bench.poll(*names)) is not None:
            emitted.append(frame[1])
    assert bench.sync.restarts == 1
    assert emitted[:30] == list(range(0, 3000, 100))
    assert emitted[-28:] == list(range(200, 3000, 100))


def test_in_a_recording_one_against_one_the_one_that_was_right_stays_right(bench):
    year_ms = 31_536_000_000
    for ms in range(0, 1000, 100):
        bench.at(ms)
        assert bench.add('rgb', ms - year_ms) is None
        reason = bench.add('depth', ms - year_ms + (3_600_000 if ms >= 500 else 0))
        assert (reason is not None) == (ms >= 500)


def test_how_late_a_modality_comes_is_known_and_waiting_that_long_would_do(make_bench):
    def drive(bench, periods=12):
        fused = 0
        for ms in range(0, 100 * periods, 10):
            bench.at(ms)
            if ms % 100 == 10:
                bench.add('rgb', ms - 10)
            if ms % 100 == 20 and ms > 100:
                bench.add('lidar', ms - 120)  # stamped when its sweep began, 120 ms ago
            while (frame := bench.poll('rgb', 'lidar')) is not None:
                fused += 'lidar' in frame[2]
        return fused

    bench = make_bench()
    assert drive(bench) == 0
    assert bench.sync.lateness_ns('lidar') == 110_000_000
    assert bench.sync.lateness_ns('rgb') is None
    bench = make_bench(max_wait_ns=110_000_000)
    assert drive(bench) >= 9
    assert bench.sync.lateness_ns('lidar') is None


def test_what_is_still_on_its_way_when_a_recording_starts_over_restarts_nothing(bench):
    reasons = []
    for ms in range(0, 3000, 10):
        bench.at(ms)
        if ms % 50 == 0:
            bench.add('depth', ms % 1650)
            bench.add('lidar', ms % 1650)
        if ms % 30 == 20 and ms > 50:  # stamped 50 ms ago
            reasons.append(bench.add('rgb', (ms - 50) % 1650))
        bench.poll()
    assert bench.sync.restarts == 1
    late = [reason for reason in reasons if reason is not None]
    assert 'before stamps began again' in late[0]
    assert len(late) <= 2


def test_stamps_go_on_increasing_where_the_rules_change_at_work(bench):
    for ms in (0, 100, 200):
        bench.at(ms).add('rgb', ms)
        assert bench.poll('rgb')[1] == ms
    config = bench.sync._config
    looser = {name: 2 * ns for name, ns in config.tolerance_ns.items()}
    bench.sync.reconfigure(replace(config, tolerance_ns=looser, max_wait_ns=0))
    bench.at(210).add('lidar', 150)  # of a clock that lags, and now alone
    assert bench.poll('lidar') is None
    bench.at(310).add('lidar', 250)
    assert bench.poll('lidar')[1] == 250
    assert bench.sync.restarts == 0


def test_with_another_offset_stamps_begin_anew(bench):
    for ms in (0, 100):
        bench.at(ms).add('rgb', 37_000 + ms)
        assert bench.poll('rgb')[1] == 37_000 + ms
    config = bench.sync._config
    bench.sync.reconfigure(replace(config, offset_ns={'rgb': 37_000_000_000}))
    bench.at(200).add('rgb', 37_200)
    assert bench.poll('rgb')[1] == 200
    assert bench.sync.restarts == 0
