"""The demo as its user runs it."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from PIL import Image
import pytest
import torch

from robustseg_core.data.streets import STREET_MODALITIES
from robustseg_core.errors import RobustSegError
from robustseg_core.labels import DELIVER
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_ros.demo.__main__ import main
from robustseg_ros.demo.node_process import NodeProcess, node_environment
from robustseg_ros.demo.replay import Listener, wait_until_ready
from robustseg_ros.demo.run import fitting_rate, node_parameters


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Two small random networks, whose masks differ from subset to subset."""
    folder = tmp_path_factory.mktemp('checkpoints')
    for seed, name in enumerate(('student', 'teacher')):
        config = SegmenterConfig(
            labels=DELIVER,
            modalities=STREET_MODALITIES,
            backbone='mit_nano',
            head_width=16,
            resolution=(64, 64),
        )
        model = MultimodalSegmenter(config).eval()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    std = parameter[0].numel() ** -0.5
                    parameter.normal_(0, std, generator=generator)
        save_model(model, folder / f'{name}.safetensors')
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def arguments(checkpoints, out):
    student, teacher = (checkpoints / f'{name}.safetensors' for name in ('student', 'teacher'))
    return [
        '--checkpoint', str(student), '--teacher', str(teacher), '--out', str(out),
        '--seconds', '8',
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.ros
def test_the_demo_shows_every_dropout_and_loses_nothing_after_it(checkpoints, tmp_path):
    out = tmp_path / 'out'
    command = [sys.executable, '-m', 'robustseg_ros.demo', *arguments(checkpoints, out)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=170, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert 'Look at' in done.stdout
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['frames_in'] == 80
    assert summary['stray_masks'] == 0
    assert summary['masks_out'] >= 60
    # The same masks come from the same sensors without ROS: nothing was mixed up on the way.
    assert summary['masks_repeated_offline'] == summary['masks_out']
    assert summary['lost_after_timeout'] == 0, summary
    assert len(summary['dropouts']) == 10
    for drop in summary['dropouts']:
        for noticed_s in drop['noticed_after_s'].values():
            assert 0 < noticed_s < 1
    singles = [letters for letters in summary['miou'] if len(letters) == 3]
    assert sorted(singles) == ['DEL', 'RDE', 'RDL', 'REL']
    assert 'L' in summary['miou']
    assert set(summary['miou']) == set(summary['teacher_miou'])
    assert not (out / 'drive.mcap').exists()
    with Image.open(out / 'demo.gif') as film:
        assert film.size[0] == 512
    for name in ('still.png', 'timeline.png'):
        with Image.open(out / name) as picture:
            assert picture.size[0] >= 1000


@pytest.mark.slow
@pytest.mark.ros
def test_an_interrupted_demo_leaves_no_node_behind(checkpoints, tmp_path):
    out = tmp_path / 'out'
    command = [sys.executable, '-m', 'robustseg_ros.demo', *arguments(checkpoints, out)]
    demo = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (log := out / 'node.log').exists() or 'alive' not in log.read_text():
        assert demo.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert nodes_of(out)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30) == 130
    assert 'interrupted' in demo.stderr.read()
    assert not nodes_of(out)


def nodes_of(out):
    """Processes that were started with the parameters of this demo."""
    found = []
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / 'cmdline').read_bytes()
            except OSError:
                continue
            if str(out / 'node.yaml').encode() in line:
                found.append(entry.name)
    return found


@pytest.mark.ros
def test_a_node_that_dies_is_noticed_with_its_last_words(tmp_path):
    environment = node_environment(os.getpid() % 100 + 1, {})
    with NodeProcess({'checkpoint': 'none.safetensors'}, tmp_path, environment) as node:
        deadline = time.monotonic() + 60
        while 'none.safetensors' not in node.log_path.read_text():
            node.check()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        node._process.kill()
        node._process.wait()
        with pytest.raises(
            RobustSegError, match=r'ended with status -9[\s\S]*node\.log:[\s\S]*none\.safetensors'
        ):
            node.check()


@pytest.mark.ros
def test_a_node_that_cannot_load_its_model_is_noticed_at_once(tmp_path):
    domain = os.getpid() % 100 + 1
    environment = node_environment(domain, {})
    parameters = node_parameters(tmp_path / 'none.safetensors')
    with (
        Listener(domain) as listener,
        NodeProcess(parameters, tmp_path, environment) as node,
        pytest.raises(RobustSegError, match=r'cannot be activated.*none\.safetensors'),
    ):
        wait_until_ready(listener, node.check, limit_s=60)


@pytest.mark.ros
def test_a_silent_node_is_not_waited_for_for_ever():
    with (
        Listener(os.getpid() % 100 + 1) as listener,
        pytest.raises(RobustSegError, match=r'not ready after 0\.3 s: it says nothing'),
    ):
        wait_until_ready(listener, lambda: None, limit_s=0.3)


def test_a_missing_checkpoint_is_one_line_and_nothing_is_written(tmp_path, capsys):
    out = tmp_path / 'out'
    assert main(['--checkpoint', str(tmp_path / 'no.safetensors'), '--out', str(out)]) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'no.safetensors' in error
    assert not out.exists()


def test_too_short_a_drive_is_one_line(tmp_path, capsys):
    assert main(['--seconds', '3', '--out', str(tmp_path)]) == 1
    assert 'lasts 3.0 s; wanted at least 8 s' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('frame_s', 'expected'), [(0.05, 1.0), (0.09, 0.5), (0.2, 0.25), (0.7, 0.1), (9.0, 0.1)]
)
def test_a_slow_machine_replays_slowly(frame_s, expected):
    assert fitting_rate(frame_s, 0.1) == expected


def test_the_node_gets_every_sensor_and_the_place_of_the_lidar():
    parameters = node_parameters(Path('x.safetensors'))
    assert parameters['lidar.type'] == 'points'
    assert parameters['event.topic'] == '/event_camera/image'
    matrix = torch.tensor(parameters['lidar.camera_from_sensor']).reshape(4, 4)
    # A point ahead of the vehicle is in front of the camera: along its z axis.
    assert (matrix @ torch.tensor([10.0, 0.0, 0.0, 1.0]))[2] > 5
