"""Data sets as bags, read back with rosbags."""

from collections import defaultdict
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rosbags')
pytest.importorskip('tqdm')

from rosbags.highlevel import AnyReader

from robustseg_ros.bags.convert import main

Bag = dict[str, list[tuple[int, Any]]]


def read(path: Path) -> Bag:
    """Return topic -> (time of recording, message)."""
    bag: Bag = defaultdict(list)
    with AnyReader([path]) as reader:
        for connection, time_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            bag[connection.topic].append((time_ns, message))
    return bag


def stamp(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def array(image: Any) -> np.ndarray:
    dtype = {'32FC1': np.float32, '32FC3': np.float32}.get(image.encoding, np.uint8)
    return image.data.view(dtype).reshape(image.height, image.width, -1).squeeze()


def fields(cloud: Any) -> dict[str, np.ndarray]:
    """Read a cloud field by field, by the offsets it declares."""
    rows = cloud.data.reshape(-1, cloud.point_step)
    types = {7: np.dtype('<f4'), 4: np.dtype('<u2')}
    return {
        field.name: np.ascontiguousarray(
            rows[:, field.offset : field.offset + types[field.datatype].itemsize]
        )
        .view(types[field.datatype])
        .ravel()
        for field in cloud.fields
    }


def matrix(transform: Any) -> np.ndarray:
    """Return the 4x4 matrix of a geometry_msgs/Transform, column by column."""
    q, shift = transform.rotation, transform.translation
    axis = np.array([q.x, q.y, q.z])
    result = np.eye(4)
    for column, unit in enumerate(np.eye(3)):
        turned = unit + 2 * np.cross(axis, np.cross(axis, unit) + q.w * unit)
        result[:3, column] = turned
    result[:3, 3] = shift.x, shift.y, shift.z
    return result


def frames(bag: Bag) -> dict[tuple[str, str], np.ndarray]:
    """Return (parent, child) -> transform of the child's coordinates into the parent's."""
    ((_, message),) = bag['/tf_static']
    return {
        (one.header.frame_id, one.child_frame_id): matrix(one.transform)
        for one in message.transforms
    }


def put(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)


# --- KITTI

CALIBRATION = {
    'T_velodyne_to_camera': [[0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3], [0, 0, 0, 1]],
    'R_rect': np.eye(3).tolist(),
    'P_rect': [[50, 0, 10, 20], [0, 50, 8, 0], [0, 0, 1, 0]],
    'rate_hz': 4.0,
}
PICTURE = np.arange(16 * 20 * 3, dtype=np.uint16).astype(np.uint8).reshape(16, 20, 3)
SCAN = np.array([[10, 1, 2, 0.5], [4, -1, 0, 0.25]], np.float32)


@pytest.fixture
def plain_kitti(tmp_path: Path) -> Path:
    root = tmp_path / 'drive'
    for index in range(2):
        put(root / 'rgb' / f'{index:06d}.png', PICTURE + index)
        (root / 'velodyne').mkdir(exist_ok=True)
        SCAN.tofile(root / 'velodyne' / f'{index:06d}.bin')
    (root / 'calib.json').write_text(json.dumps(CALIBRATION))
    return root


@pytest.mark.parametrize('out', ['out.mcap', 'out.db3', 'out'])
def test_kitti_drive_round_trip(plain_kitti: Path, tmp_path: Path, out: str) -> None:
    assert main([str(plain_kitti), str(tmp_path / out), '--quiet']) == 0
    bag = read(tmp_path / out)
    assert {topic: len(messages) for topic, messages in bag.items()} == {
        '/tf_static': 1,
        '/camera/camera_info': 2,
        '/camera/image_raw': 2,
        '/lidar/points': 2,
    }
    for index, (time_ns, image) in enumerate(bag['/camera/image_raw']):
        np.testing.assert_array_equal(array(image), PICTURE + index)
        assert (image.encoding, image.header.frame_id) == ('rgb8', 'camera_optical_frame')
        cloud, info = bag['/lidar/points'][index][1], bag['/camera/camera_info'][index][1]
        assert time_ns == stamp(image) == stamp(cloud) == stamp(info) > 0
    first, second = (time_ns for time_ns, _ in bag['/lidar/points'])
    assert second - first == 250_000_000
    cloud = bag['/lidar/points'][0][1]
    assert cloud.header.frame_id == 'lidar'
    values = fields(cloud)
    assert list(values) == ['x', 'y', 'z', 'intensity']
    np.testing.assert_array_equal(np.stack(list(values.values()), axis=1), SCAN)


def test_kitti_point_lands_where_the_calibration_says(plain_kitti: Path, tmp_path: Path) -> None:
    """Follow tf_static and camera_info, and P_rect R_rect T as KITTI writes it: the same pixel."""
    assert main([str(plain_kitti), str(tmp_path / 'out.mcap'), '--quiet']) == 0
    bag = read(tmp_path / 'out.mcap')
    tree = frames(bag)
    assert set(tree) == {('base_link', 'camera_optical_frame'), ('base_link', 'lidar')}
    point = np.array([10, 1, 2, 1])
    base_from_camera = tree['base_link', 'camera_optical_frame']
    in_camera = np.linalg.inv(base_from_camera) @ tree['base_link', 'lidar'] @ point
    info = bag['/camera/camera_info'][0][1]
    u, v, w = info.k.reshape(3, 3) @ in_camera[:3]
    # By hand: T gives (-1 + 0.1, -2 - 0.2, 10 - 0.3); P adds 20 to u before the division.
    z = 9.7
    assert (u / w, v / w) == pytest.approx(((50 * -0.9 + 20) / z + 10, 50 * -2.2 / z + 8))
    assert (info.width, info.height) == (20, 16)


def test_kitti_in_its_own_layout_gives_the_same_and_recorded_times(
    plain_kitti: Path, tmp_path: Path
) -> None:
    date = tmp_path / '2011_09_26'
    drive = date / '2011_09_26_drive_0001_sync'
    for index in range(2):
        put(drive / 'image_02' / 'data' / f'{index:010d}.png', PICTURE + index)
        (drive / 'velodyne_points' / 'data').mkdir(parents=True, exist_ok=True)
        SCAN.tofile(drive / 'velodyne_points' / 'data' / f'{index:010d}.bin')
    times = '2011-09-26 13:02:25.594360375\n2011-09-26 13:02:25.698000000\n'
    (drive / 'image_02' / 'timestamps.txt').write_text(times)

    def numbers(values: Any) -> str:
        return ' '.join(f'{value:e}' for value in np.ravel(values))

    (date / 'calib_cam_to_cam.txt').write_text(
        'calib_time: 09-Jan-2012 13:57:47\n'
        f'R_rect_00: {numbers(CALIBRATION["R_rect"])}\n'
        f'P_rect_02: {numbers(CALIBRATION["P_rect"])}\n'
    )
    pose = np.array(CALIBRATION['T_velodyne_to_camera'])
    (date / 'calib_velo_to_cam.txt').write_text(
        'calib_time: 15-Mar-2012 11:37:16\n'
        f'R: {numbers(pose[:3, :3])}\n'
        f'T: {numbers(pose[:3, 3])}\n'
    )
    for source, out in ((plain_kitti, 'plain.mcap'), (drive, 'own.mcap')):
        assert main([str(source), str(tmp_path / out), '--quiet']) == 0
    plain, own = read(tmp_path / 'plain.mcap'), read(tmp_path / 'own.mcap')
    for frame, transform in frames(plain).items():
        np.testing.assert_allclose(frames(own)[frame], transform, atol=1e-6)
    for topic in ('/camera/image_raw', '/lidar/points'):
        assert own[topic][1][1].data.tobytes() == plain[topic][1][1].data.tobytes()
    # 13:02:25 UTC on that day, from an almanac
    assert [t for t, _ in own['/lidar/points']] == [1317042145594360375, 1317042145698000000]


def test_missing_scans_are_counted_and_the_picture_goes_on_alone(
    plain_kitti: Path, tmp_path: Path, capsys: Any
) -> None:
    gone = plain_kitti / 'velodyne' / '000001.bin'
    gone.unlink()
    assert main([str(plain_kitti), str(tmp_path / 'out.mcap'), '--quiet']) == 0
    assert f'lidar: 1 of 2 files are missing, e.g. {gone}' in capsys.readouterr().out
    bag = read(tmp_path / 'out.mcap')
    assert (len(bag['/camera/image_raw']), len(bag['/lidar/points'])) == (2, 1)


def test_real_kitti_points_land_in_the_picture(real_data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'kitti.mcap'
    assert main([str(real_data / 'kitti'), str(out), '--limit', '2', '--quiet']) == 0
    bag = read(out)
    info, cloud = bag['/camera/camera_info'][0][1], bag['/lidar/points'][0][1]
    assert (info.width, info.height) == (1242, 375)
    assert info.k[[0, 2, 4, 5]].tolist() == [721.5377, 609.5593, 721.5377, 172.854]
    tree = frames(bag)
    values = fields(cloud)
    points = np.stack([values['x'], values['y'], values['z'], np.ones(cloud.width)])
    camera = np.linalg.inv(tree['base_link', 'camera_optical_frame']) @ tree['base_link', 'lidar']
    in_camera = (camera @ points)[:3]
    ahead = in_camera[:, in_camera[2] > 1]
    u, v, w = info.k.reshape(3, 3) @ ahead
    inside = (u / w >= 0) & (u / w < 1242) & (v / w >= 0) & (v / w < 375)
    assert 15_000 < inside.sum() < 25_000  # of about 120,000 all around
    # The road is below the horizon and about 1.7 m under the camera.
    road = inside & (v / w > 300)
    assert np.median(ahead[1, road]) == pytest.approx(1.65, abs=0.15)


# --- streets


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


# --- DELIVER and MUSES


def test_deliver_is_a_slide_show_of_pictures(tmp_path: Path) -> None:
    root, scene = tmp_path / 'deliver', 'night/val/MAP_1_point2_motionblur'
    metres = np.zeros((4, 6, 3), np.uint8)
    metres[..., 2] = 128  # about half of 1000 m
    for folder, token, picture in (
        ('img', 'rgb', PICTURE[:4, :6]),
        ('hha', 'depth', PICTURE[:4, :6] + 1),
        ('depth', 'depth', metres),
        ('event', 'event', PICTURE[:2, :3]),
        ('lidar', 'lidar', PICTURE[:4, :6] + 3),
        ('semantic', 'semantic', np.full((4, 6, 3), 7, np.uint8)),
    ):
        for frame in ('000001', '000002'):
            put(root / folder / scene / f'{frame}_{token}_front.png', picture)
    assert main([str(root), str(tmp_path / 'out'), '--rate', '5', '--fov', '90', '--quiet']) == 0
    bag = read(tmp_path / 'out')
    counts = {topic: len(messages) for topic, messages in bag.items()}
    assert counts.pop('/tf_static') == counts.pop('/ground_truth/label_info') == 1
    assert counts == dict.fromkeys(
        [
            '/camera/camera_info',
            '/camera/image_raw',
            '/depth/hha',
            '/depth/image_rect',
            '/event_camera/image',
            '/ground_truth/condition',
            '/ground_truth/semantic',
            '/lidar/image_projected',
        ],
        2,
    )
    first, second = (time_ns for time_ns, _ in bag['/camera/image_raw'])
    assert second - first == 200_000_000
    np.testing.assert_array_equal(array(bag['/depth/hha'][0][1]), PICTURE[:4, :6] + 1)
    np.testing.assert_array_equal(array(bag['/lidar/image_projected'][0][1]), PICTURE[:4, :6] + 3)
    assert array(bag['/event_camera/image'][0][1]).shape == (4, 6, 3)
    depth = bag['/depth/image_rect'][0][1]
    assert depth.encoding == '32FC1'
    np.testing.assert_allclose(array(depth), 128 * 65536 / 16777215 * 1000, rtol=1e-6)
    semantic = bag['/ground_truth/semantic'][0][1]
    assert semantic.encoding == 'mono8'
    assert (array(semantic) == 6).all()
    assert bag['/ground_truth/condition'][0][1].data == 'night+motionblur'
    names = bag['/ground_truth/label_info'][0][1].class_map
    assert (names[6].class_id, names[6].class_name) == (6, 'Road')
    assert bag['/camera/camera_info'][0][1].k[0] == pytest.approx(3)  # half the width, at 90 deg
    optical = frames(bag)['base_link', 'camera_optical_frame']
    np.testing.assert_allclose(optical @ [0, 0, 1, 1], [1, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(optical @ [1, 0, 0, 1], [0, -1, 0, 1], atol=1e-12)


def test_muses_has_the_raw_scan_and_the_drawn_events(tmp_path: Path) -> None:
    root, scene = tmp_path / 'muses', 'train/rain/day/REC0001_frame_000123'
    put(root / f'frame_camera/{scene}_frame_camera.png', np.zeros((54, 96, 3), np.uint8))
    put(root / f'gt_semantic/{scene}_gt_labelTrainIds.png', np.full((54, 96), 255, np.uint8))
    counts = np.zeros((54, 96, 3), np.uint8)
    counts[5, 6] = 2, 3, 0
    # The SDK writes its channels as they are, through OpenCV.
    put(root / f'projected_to_rgb/event_camera/{scene}_event_camera.png', counts[..., ::-1])
    rows = np.array([[10.0, 0, -1, 51, 7, 1.7e9 + 0.05], [5, 1, 0, 255, 1, 1.7e9]])
    (root / f'lidar/{scene}').parent.mkdir(parents=True)
    rows.tofile(root / f'lidar/{scene}_lidar.bin')
    lidar_to_camera = np.array([[0, -1, 0, 0], [0, 0, -1, -1], [1, 0, 0, 0.5], [0, 0, 0, 1]])
    event_to_camera = np.eye(4)
    event_to_camera[0, 3] = 0.2
    camera = [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]]
    calibration = {
        'intrinsics': {'rgb': {'K': camera}, 'event': {'K': camera}},
        'extrinsics': {
            'lidar2rgb': lidar_to_camera.tolist(),
            'event2rgb': event_to_camera.tolist(),
        },
    }
    (root / 'calib.json').write_text(json.dumps(calibration))
    assert main([str(root), str(tmp_path / 'out'), '--split', 'train', '--quiet']) == 0
    bag = read(tmp_path / 'out')
    cloud = fields(bag['/lidar/points'][0][1])
    assert cloud['x'].tolist() == [10, 5]
    assert cloud['intensity'].tolist() == pytest.approx([0.2, 1])
    assert cloud['ring'].tolist() == [7, 1]
    assert cloud['time'].tolist() == pytest.approx([0.05, 0], abs=1e-6)
    assert array(bag['/event_camera/image'][0][1])[5, 6].tolist() == [2, 3, 0]
    assert (array(bag['/ground_truth/semantic'][0][1]) == 255).all()
    assert bag['/camera/camera_info'][0][1].k[0] == pytest.approx(50)  # 1000 at 1920 pixels
    tree = frames(bag)
    to_camera = np.linalg.inv(tree['base_link', 'camera_optical_frame'])
    np.testing.assert_allclose(to_camera @ tree['base_link', 'lidar'], lidar_to_camera, atol=1e-9)
    event = to_camera @ tree['base_link', 'event_optical_frame']
    np.testing.assert_allclose(event, event_to_camera, atol=1e-9)
    assert '/event_camera/events' not in bag


# --- what goes wrong


def test_folder_of_no_known_kind_is_told_what_was_looked_for(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / 'holidays').mkdir()
    assert main([str(tmp_path), str(tmp_path / 'out.mcap')]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    for part in ('looked for', 'velodyne', 'img', 'frame_camera', "found ['holidays']"):
        assert part in error


def test_missing_source_is_named(tmp_path: Path, capsys: Any) -> None:
    assert main([str(tmp_path / 'nothing'), str(tmp_path / 'out.mcap')]) == 1
    assert "nothing' is no folder; wanted 'streets' or" in capsys.readouterr().err


def test_incomplete_calibration_is_named(plain_kitti: Path, tmp_path: Path, capsys: Any) -> None:
    (plain_kitti / 'calib.json').write_text('{}')
    assert main([str(plain_kitti), str(tmp_path / 'out.mcap')]) == 1
    assert "KeyError('T_velodyne_to_camera'); wanted calib.json" in capsys.readouterr().err


def test_broken_file_ends_the_conversion_and_leaves_no_bag(
    plain_kitti: Path, tmp_path: Path, capsys: Any
) -> None:
    (plain_kitti / 'velodyne' / '000001.bin').write_bytes(b'12345')
    out = tmp_path / 'out' / 'bag.mcap'
    assert main([str(plain_kitti), str(out), '--quiet']) == 1
    assert '000001.bin' in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []


def test_existing_bag_is_not_touched_without_being_told(
    plain_kitti: Path, tmp_path: Path, capsys: Any
) -> None:
    arguments = [str(plain_kitti), str(tmp_path / 'out.mcap'), '--quiet']
    assert main(arguments) == 0
    assert main(arguments) == 1
    assert 'exists already' in capsys.readouterr().err
    assert main([*arguments, '--overwrite']) == 0


@pytest.mark.parametrize('option', ['--rate', '--limit', '--seconds', '--size', '--fov'])
def test_option_must_be_positive(option: str, tmp_path: Path, capsys: Any) -> None:
    assert main(['streets', str(tmp_path / 'out.mcap'), option, '0']) == 1
    assert 'wanted > 0' in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    code = (
        'import sys, robustseg_ros.bags.convert\n'
        'assert not {"rosbags", "cv2", "torch", "rclpy"} & set(sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
