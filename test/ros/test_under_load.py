"""The commands that load the real node, for a short while; and how they judge."""

import long_run
from long_run import HZ, Sample, flapping
from node_load import Held, loaded
import overload
import pytest

from robustseg_ros.demo.rig import INPUTS

GOOD = {
    'sent_hz': 50.0, 'masks_hz_before': 10.0, 'masks_hz': 9.0, 'period_ms': 110.0,
    'latency_p50_ms': 150.0, 'latency_p99_ms': 230.0, 'backward': 0.0, 'answer_max_ms': 60.0,
}  # fmt: skip


def samples(grow=lambda index: {}):
    """Return an hour of samples; ``grow`` says what each has more of."""
    found = []
    for index in range(60):
        more = {'resident_mb': 0.0, 'threads': 0, 'files': 0, 'entities': 0, 'p99_ms': 0.0}
        more |= grow(index)
        held = Held(900 + more['resident_mb'], 30 + more['threads'], 40 + more['files'],
                    50 + more['entities'])  # fmt: skip
        found.append(Sample(60.0 * (index + 1), held, 600, 50.0, 80 + more['p99_ms']))
    return found


def test_what_stays_as_it_is_is_flat():
    assert not long_run.judged(samples())
    # What is allocated while it warms up, and one bad span, are no growth.
    assert not long_run.judged(samples(lambda i: {'resident_mb': -200.0 * (i < 1)}))
    assert not long_run.judged(samples(lambda i: {'p99_ms': 900.0 * (i == 50)}))


@pytest.mark.parametrize(
    ('key', 'step'),
    [('resident_mb', 0.5), ('threads', 0.05), ('files', 0.1), ('entities', 0.1), ('p99_ms', 1.0)],
)
def test_what_grows_is_named(key, step):
    problems = long_run.judged(samples(lambda i: {key: type(step)(int(step * i))}))
    assert len(problems) == 1
    assert key.partition('_')[0].replace('resident', 'memory') in problems[0]


def test_no_masks_at_all_are_not_flat():
    assert any(
        'p99' in each for each in long_run.judged(samples(lambda _: {'p99_ms': float('nan')}))
    )


def test_sensors_die_and_return_and_one_of_them_lives():
    is_silent = flapping(0, 3000)
    dead = {name: [is_silent(name, index) for index in range(3000)] for name in INPUTS}
    assert all(0.05 < sum(each) / 3000 < 0.5 for each in dead.values())
    assert all(any(not dead[name][index] for name in INPUTS) for index in range(3000))
    again, other = flapping(0, 3000), flapping(1, 3000)
    assert dead['depth'] == [again('depth', index) for index in range(3000)]
    assert dead['depth'] != [other('depth', index) for index in range(3000)]


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('latency_p99_ms', 250.0, 'wanted at most 240.0'),
        ('answer_max_ms', 101.0, 'wanted at most 100.0'),
        ('backward', 1.0, 'wanted at most 0.0'),
        ('masks_hz', 5.0, 'masks_hz fell from 10.0'),
        ('answer_max_ms', float('nan'), 'answer_max_ms'),
    ],
)
def test_overload_is_judged_by_each_figure(key, value, words):
    assert not overload.judged(GOOD)
    (problem,) = overload.judged(GOOD | {key: value})
    assert words in problem


@pytest.mark.ros
@pytest.mark.slow
def test_with_five_times_what_it_can_do_the_newest_wins():
    with loaded(128, 5.0) as load:
        found = overload.measure(load, times=5.0, seconds=6.0)
    assert found['sent_hz'] > 4 * found['masks_hz']
    assert found['backward'] == 0
    # Medians: a test shares its machine with whatever else is running there.
    assert found['latency_p50_ms'] <= 2 * found['period_ms'] + overload.TRANSPORT_MS
    assert found['answer_p50_ms'] <= overload.ANSWER_MS


@pytest.mark.ros
@pytest.mark.slow
def test_a_node_at_work_grows_neither_threads_nor_files_nor_entities():
    with loaded(128, HZ) as load:
        found = long_run.run(load, 20.0, 2.0, seed=1)
    assert all(sample.masks for sample in found)
    problems = long_run.judged(found)
    assert not [each for each in problems if each.startswith(('threads', 'files', 'entities'))]
