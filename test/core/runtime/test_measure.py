"""Timing the network's parts."""

from itertools import count
import json

import pytest
import torch

from robustseg_core import benchmark
from robustseg_core.errors import ConfigError
from robustseg_core.models.checkpoint import save_model
from robustseg_core.runtime.measure import Stopwatch, Timing, measure, random_model

PARTS = [
    'encode one modality',
    'head, folded',
    'head, as trained',
    '1 modality, image to mask',
    '4 modalities, image to mask',
]


def test_percentiles_are_nearest_rank():
    timing = Timing.of([float(value) for value in range(200, 0, -1)])
    assert (timing.p50_ms, timing.p99_ms, timing.runs) == (100.0, 198.0, 200)
    assert Timing.of([3.0]) == Timing(3.0, 3.0, 1)


def test_the_stopwatch_times_each_run_and_leaves_out_the_warm_up():
    durations_s = iter([9.0, 9.0, 0.25, 0.5, 0.75, 0.25])
    now = [0.0]

    def run():
        now[0] += next(durations_s)

    stopwatch = Stopwatch(torch.device('cpu'), repeats=4, budget_s=100, timer=lambda: now[0])
    assert stopwatch.durations_ms(run) == [250, 500, 750, 250]


def test_a_slow_part_gets_three_runs_only():
    ticks = count()
    stopwatch = Stopwatch(torch.device('cpu'), 50, budget_s=1.5, timer=lambda: float(next(ticks)))
    assert len(stopwatch.durations_ms(lambda: None)) == 3


def test_every_part_is_timed_at_every_size():
    ticks = count()
    report = measure(
        random_model('mit_nano', 8), [32, 64], repeats=2, timer=lambda: float(next(ticks))
    )
    assert [(part.name, part.size) for part in report.parts] == [
        (part, size) for size in (32, 64) for part in PARTS
    ]
    assert all(part.timing.p50_ms == 1000 for part in report.parts)
    lines = report.as_table().splitlines()
    assert 'mit_nano, head 8, 25 classes' in lines[0]
    assert f'torch {torch.__version__}' in lines[0]
    assert lines[2:5] == [
        '| p50 / p99 in ms | 32x32 | 64x64 |',
        '|---|---|---|',
        '| encode one modality | 1000.0 / 1000.0 | 1000.0 / 1000.0 |',
    ]


@pytest.mark.parametrize(
    ('sizes', 'repeats', 'match'),
    [([48], 1, r'got \[48\]'), ([0], 1, r'got \[0\]'), ([], 1, r'got \[\]'), ([64], 0, 'got 0')],
)
def test_sizes_and_repeats_are_checked(sizes, repeats, match):
    with pytest.raises(ConfigError, match=match):
        measure(random_model('mit_nano', 8), sizes, repeats=repeats)


def test_the_command_prints_a_table_and_writes_the_figures(model, tmp_path, capsys):
    save_model(model, tmp_path / 'tiny.safetensors')
    arguments = ['--checkpoint', str(tmp_path / 'tiny.safetensors'), '--sizes', '32']
    file = tmp_path / 'figures.json'
    assert benchmark.main([*arguments, '--repeats', '1', '--json', str(file)]) == 0
    assert '| 4 modalities, image to mask |' in capsys.readouterr().out
    figures = json.loads(file.read_text())
    assert [each['name'] for each in figures['parts']] == PARTS
    assert figures['machine']['torch'] == torch.__version__


def test_the_command_fails_in_one_line(capsys):
    assert benchmark.main(['--backbone', 'mit_nano', '--sizes', '33']) == 1
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.count('\n') == 1
    assert 'multiples of 32' in captured.err
