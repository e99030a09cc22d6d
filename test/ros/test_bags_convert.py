"""KITTI drives as bags, read back with rosbags; and what goes wrong in any conversion."""

import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rosbags')
pytest.importorskip('tqdm')

from bag_contents import PICTURE, array, fields, frames, put, read, stamp

from robustseg_ros.bags.convert import main

CALIBRATION = {
    'T_velodyne_to_camera': [[0, -1, 0, 0.1], [0, 0, -1, -0.2], [1, 0, 0, -0.3], [0, 0, 0, 1]],
    'R_rect': np.eye(3).tolist(),
    'P_rect': [[50, 0, 10, 20], [0, 50, 8, 0], [0, 0, 1, 0]],
    'rate_hz': 4.0,
}
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
