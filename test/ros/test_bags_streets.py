"""The synthetic streets as a bag."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rosbags')
pytest.importorskip('tqdm')

from bag_contents import Bag, array, fields, frames, read, stamp

from robustseg_ros.bags.convert import main


@pytest.fixture(scope='module')
def streets(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    out = tmp_path_factory.mktemp('streets') / 'out.mcap'
    options = [
        '--seed',
        '3',
        '--seconds',
        '0.4',
        '--size',
        '64',
        '--condition',
        'sun,night+motionblur',
    ]
    assert main(['streets', str(out), *options, '--quiet']) == 0
    return read(out)


def test_streets_have_every_sensor_raw_and_the_truth(streets: Bag) -> None:
    counts = {topic: len(messages) for topic, messages in streets.items()}
    assert counts.pop('/tf_static') == counts.pop('/ground_truth/label_info') == 1
    assert 4 <= counts.pop('/event_camera/events') <= 12  # packets of 10 ms, 30 ms a frame
    assert counts == dict.fromkeys(
        [
            '/camera/camera_info',
            '/camera/image_raw',
            '/depth/image_rect',
            '/event_camera/image',
            '/ground_truth/condition',
            '/ground_truth/semantic',
            '/lidar/points',
        ],
        4,
    )
    encodings = {
        topic: messages[0][1].encoding
        for topic, messages in streets.items()
        if hasattr(messages[0][1], 'encoding')
    }
    assert encodings == {
        '/camera/image_raw': 'rgb8',
        '/depth/image_rect': '32FC1',
        '/event_camera/events': 'mono',
        '/event_camera/image': 'rgb8',
        '/ground_truth/semantic': 'mono8',
    }
    assert list(fields(streets['/lidar/points'][0][1])) == [
        'x',
        'y',
        'z',
        'intensity',
        'ring',
        'time',
    ]


def test_streets_stamp_all_sensors_alike_at_the_rate(streets: Bag) -> None:
    stamps = [stamp(message) for _, message in streets['/camera/image_raw']]
    assert np.diff(stamps).tolist() == [100_000_000] * 3
    for topic in ('/depth/image_rect', '/lidar/points', '/camera/camera_info'):
        assert [stamp(message) for _, message in streets[topic]] == stamps
        assert [time_ns for time_ns, _ in streets[topic]] == stamps


def test_streets_go_through_the_conditions_in_order(streets: Bag) -> None:
    conditions = [message.data for _, message in streets['/ground_truth/condition']]
    assert conditions == ['sun', 'sun', 'night+motionblur', 'night+motionblur']


def test_packets_of_events_add_up_to_the_image(streets: Bag) -> None:
    """Decode every word by hand and count: the image that was recorded beside them."""
    packets = [message for _, message in streets['/event_camera/events']]
    assert [packet.seq for packet in packets] == list(range(len(packets)))
    for time_ns, image in streets['/event_camera/image']:
        counts = np.zeros((64, 64, 3), int)
        for packet in packets:
            for word in packet.events.view('<u8').tolist():
                t_ns = stamp(packet) + (word & 0xFFFFFFFF)
                if time_ns - 30_000_000 < t_ns <= time_ns:
                    row, column = word >> 48 & 0x7FFF, word >> 32 & 0xFFFF
                    counts[row, column, 0 if word >> 63 else 1] += 1
        assert counts.any()
        np.testing.assert_array_equal(array(image), np.minimum(counts, 255))


def test_packets_are_recorded_when_their_last_event_has_happened(streets: Bag) -> None:
    for time_ns, packet in streets['/event_camera/events']:
        last_ns = stamp(packet) + packet.events.view('<u8').tolist()[-1] % 2**32
        assert stamp(packet) <= last_ns <= time_ns


def test_street_depth_and_lidar_agree_through_the_recorded_transforms(streets: Bag) -> None:
    tree = frames(streets)
    camera = np.linalg.inv(tree['base_link', 'camera_optical_frame']) @ tree['base_link', 'lidar']
    depth = array(streets['/depth/image_rect'][0][1])
    values = fields(streets['/lidar/points'][0][1])
    points = np.stack([values['x'], values['y'], values['z'], np.ones(len(values['x']))])
    x, y, z = (camera @ points)[:3]
    matrix_k = streets['/camera/camera_info'][0][1].k.reshape(3, 3)
    with np.errstate(all='ignore'):
        u, v = (matrix_k @ np.stack([x / z, y / z, np.ones_like(z)]))[:2]
    seen = (z > 2) & (u > 1) & (u < 62) & (v > 1) & (v < 62)
    measured = depth[np.rint(v[seen]).astype(int), np.rint(u[seen]).astype(int)]
    valid = np.isfinite(measured)
    error = np.abs(measured[valid] - z[seen][valid]) / z[seen][valid]
    assert valid.sum() > 50
    assert np.median(error) < 0.1


def test_unknown_condition_is_told_the_known_ones(tmp_path: Path, capsys: Any) -> None:
    assert main(['streets', str(tmp_path / 'out.mcap'), '--condition', 'hail']) == 1
    error = capsys.readouterr().err
    assert "'hail'" in error
    assert 'fog' in error
