"""The protocols as data."""

from itertools import groupby

from robustseg_core.data.corruption import RandomMissing
from robustseg_core.evaluation.trials import Plan

EVERYTHING = frozenset({'any_modal', 'emm', 'rmm', 'nm', 'conditions'})


def test_trials_that_are_the_same_are_run_once(sensors):
    plan = Plan.of(sensors, EVERYTHING)
    trials = plan.trials()
    # 15 left out, 14 zeroed, 3 x 14 with holes, 3 noisy: all sensors clean is the same trial.
    assert len(trials) == len(set(trials)) == 15 + 14 + 3 * 14 + 3
    full = sensors.names
    assert plan.any_modal[full] == plan.emm[full] == plan.rmm[0.5][full] == plan.conditions[full]


def test_trials_of_one_corruption_follow_each_other(sensors):
    levels = [trial.level for trial in Plan.of(sensors, EVERYTHING).trials()]
    assert levels[0] is None
    assert len(list(groupby(levels))) == 7  # clean, three rates, three levels of noise


def test_a_zeroed_sensor_needs_no_image_and_one_with_holes_does(sensors):
    plan = Plan.of(sensors, EVERYTHING)
    assert plan.emm['depth', 'lidar'].needs == ('depth', 'lidar')
    assert plan.emm['depth', 'lidar'].blanks == 2
    assert plan.rmm[0.25]['depth', 'lidar'].needs == sensors.names
    assert plan.rmm[0.25]['depth', 'lidar'].level == RandomMissing(0.25)


def test_what_is_not_wanted_is_empty(sensors):
    plan = Plan.of(sensors, frozenset({'nm'}))
    assert not plan.any_modal
    assert not plan.rmm
    assert len(plan.trials()) == 3
