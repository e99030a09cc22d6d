"""The benchmark of the node."""

import json

import numpy as np
import pytest
import torch

from robustseg_core.data.streets import STREET_MODALITIES
from robustseg_core.labels import DELIVER
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_ros.demo.benchmark import figures, main, table_row
from robustseg_ros.demo.records import MaskSeen, Recording, Said
from robustseg_ros.demo.rig import Shot

NO_PIXELS = np.empty((0, 0), np.uint8)


@pytest.fixture
def recording():
    values = {
        'response_ms_p50': '20.50', 'response_ms_p99': '31.00', 'rest_ms_p50': '2.25',
        'rest_ms_p99': '4.00', 'model_ms_p50': '16.04', 'around_ms_p50': '3.21',
        'ahead_used': '7', 'dropped_busy': '13', 'dropped_late': '1', 'subset': 'RD',
        'network_size': '384x672',
    }  # fmt: skip
    return Recording(
        # One mask is of a frame before those that count, one came twice.
        masks=[
            MaskSeen(0, 9.5, NO_PIXELS),
            MaskSeen(1, 10.13, NO_PIXELS),
            MaskSeen(2, 11.08, NO_PIXELS),
            MaskSeen(2, 11.50, NO_PIXELS),
        ],
        said=[Said(12.0, {}, values, '')],
    )


# What the node said before the figures began.
BEFORE = {'ahead_used': '2', 'dropped_busy': '10', 'response_ms_p50': '900.00'}


def shots():
    return [Shot(n, {'rgb': 9.0 + n, 'depth': 9.03 + n}) for n in (1, 2, 3)]


def test_latency_counts_from_the_last_sensor_to_the_first_mask_of_its_stamp(recording):
    found = figures(shots(), recording, BEFORE)
    assert (found['frames_in'], found['masks_out']) == (3, 2)
    assert found['latency_ms'] == {'p50': pytest.approx(75.0), 'p99': pytest.approx(99.5)}
    assert found['rest_ms'] == {'p50': 2.25, 'p99': 4.0}
    assert found['model_ms'] == {'p50': 16.04, 'p99': None}
    assert found['dropped'] == {'busy': 3, 'late': 1}
    assert (found['ahead_used'], found['ahead_wasted']) == (5, 0)


def test_the_row_has_a_cell_for_every_column(recording):
    row = {'size': 512, 'processor_percent': None, **figures(shots(), recording, BEFORE)}
    assert table_row(row) == (
        '| 512 x 512 | 384 x 672 | 3 / 2 | 75.0 / 99.5 | 16.0 | 3.2 | 2.2 / 4.0 | - |'
    )


@pytest.mark.slow
@pytest.mark.ros
def test_the_command_measures_a_running_node(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    torch.manual_seed(0)
    config = SegmenterConfig(
        labels=DELIVER,
        modalities=STREET_MODALITIES,
        backbone='mit_nano',
        head_width=16,
        resolution=(64, 64),
    )
    checkpoint, report = tmp_path / 'tiny.safetensors', tmp_path / 'report.json'
    save_model(MultimodalSegmenter(config), checkpoint)
    options = ['--sizes', '64', '--hz', '5', '--seconds', '3', '--checkpoint', str(checkpoint)]
    assert main([*options, '--json', str(report)]) == 0
    content = json.loads(report.read_text())
    (row,) = content['rows']
    assert row['frames_in'] == 15
    assert 0 < row['masks_out'] <= 15
    assert row['inputs'] == ['rgb', 'depth', 'event', 'lidar']
    assert row['node']['subset'] == 'RDEL'
    assert row['node']['network_size'] == '64x64'
    assert 0 < row['around_ms']['p50'] < row['model_ms']['p50']
    # What the node sees of a frame lies within what is seen from outside.
    assert 0 < row['rest_ms']['p50'] < row['response_ms']['p50'] < row['latency_ms']['p99']
    assert row['processor_percent'] > 0
    assert content['machine']['cores'] > 0
    assert '| 64 x 64 | 64 x 64 | 15 / ' in capsys.readouterr().out


def test_an_unusable_checkpoint_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    missing = tmp_path / 'none.safetensors'
    assert main(['--sizes', '64', '--checkpoint', str(missing)]) == 1
    said = capsys.readouterr().err
    assert said.startswith('python -m robustseg_ros.demo.benchmark: The node cannot be activated')
    assert str(missing) in said
