"""The benchmark of a distillation step: both ways do the same, and the clock is read in turn."""

import pytest
import torch

from robustseg_core.distillation.step_benchmark import StepReport, measure_step
from robustseg_core.distillation.timed_step import TERMS, StepCase, TimedStep
from robustseg_core.errors import ConfigError, RobustSegError

CPU = torch.device('cpu')
CASE = StepCase(
    backbone='mit_nano', head_width=8, batch=2, modalities=2, classes=3, size=(64, 128)
)


@pytest.fixture(scope='module')
def step() -> TimedStep:
    return TimedStep(CASE, CPU)


def test_loops_and_products_give_the_same_values_and_gradients(step: TimedStep) -> None:
    for index in range(2):
        loops, products = step.run('loops', index), step.run('products', index)
        assert list(products) == ['ce', 'logit_kl', *TERMS, 'gradient']
        assert loops == pytest.approx(products, rel=1e-3)
        assert min(products.values()) > 0


def test_the_terms_alone_reach_the_features_and_no_further(step: TimedStep) -> None:
    for way in ('loops', 'products'):
        scene = step.scene(0)
        assert step.run_terms(way, scene) > 0
        for encoded in scene.student.encoded.values():
            assert all(maps.grad.any() for maps in encoded.maps[:2])
        assert all(maps.grad_fn is None for maps in scene.fused)
        assert not any(maps.requires_grad for maps in scene.known_fused)


def test_each_way_is_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    now_s = [0.0]
    lasting_s = {('run', 'loops'): 6.0, ('run', 'products'): 2.0}
    lasting_s |= {('run_terms', 'loops'): 5.0, ('run_terms', 'products'): 1.0}
    for name in ('run', 'run_terms'):

        def pretend(self, way, _, name=name):
            done.append((name, way))
            now_s[0] += lasting_s[name, way]
            return {'ce': 1.0}

        monkeypatch.setattr(TimedStep, name, pretend)
    report = measure_step(CASE, CPU, 3, lambda: now_s[0])
    assert report.step_ms == {'loops': 6000, 'products': 2000}
    assert report.terms_ms == {'loops': 5000, 'products': 1000}
    assert done[2:] == 3 * [
        ('run', 'loops'),
        ('run_terms', 'loops'),
        ('run', 'products'),
        ('run_terms', 'products'),
    ]
    assert '| loops / products | 3.00 | 5.00 |' in report.as_table()


def test_different_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {'loops': 1.0, 'products': 1.01}
    monkeypatch.setattr(TimedStep, 'run', lambda self, way, index: {'prototype': values[way]})
    with pytest.raises(RobustSegError, match=r"'prototype' is 1\.0 by loops and 1\.01"):
        measure_step(CASE, CPU, 1, lambda: 0.0)


def test_the_table_says_what_was_timed() -> None:
    report = StepReport(
        StepCase(terms=('prototype',)),
        {'loops': 30.0, 'products': 10.0},
        {'loops': 22.0, 'products': 2.0},
        2e-6,
        5,
    )
    lines = report.as_table().splitlines()
    assert lines[0] == (
        'mit_b0, head 256, batch 4, 4 modalities, 25 classes, 256x256, seed 0, '
        'terms: prototype; medians of 5. Values and gradients differ by at most 2e-06.'
    )
    assert lines[2:] == [
        '| | step (ms) | its terms alone (ms) |',
        '|---|---|---|',
        '| loops | 30.0 | 22.0 |',
        '| products | 10.0 | 2.0 |',
        '| loops / products | 3.00 | 11.00 |',
    ]
    assert report.to_dict()['case']['backbone'] == 'mit_b0'


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        ({'batch': 0}, 'batch must be 1 to 1024, got 0'),
        ({'modalities': 27}, 'modalities must be 1 to 26, got 27'),
        ({'classes': 256}, 'classes must be 1 to 255, got 256'),
        ({'size': (64, 32)}, r'Both sides of size must be at least 64, got \(64, 32\)'),
        ({'terms': ('other',)}, r"got \('other',\)"),
        ({'terms': ()}, r'got \(\)'),
    ],
)
def test_a_case_that_cannot_be_is_refused(values, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        StepCase(**values)


def test_at_least_one_repeat_is_wanted() -> None:
    with pytest.raises(ConfigError, match='repeats must be >= 1, got 0'):
        measure_step(CASE, CPU, 0, lambda: 0.0)
