"""DELIVER and MUSES trees as bags."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rosbags')
pytest.importorskip('tqdm')

from bag_contents import PICTURE, array, fields, frames, put, read

from robustseg_ros.bags.convert import main


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


def test_a_slide_without_its_picture_shows_the_other_sensors(tmp_path: Path) -> None:
    root, scene = tmp_path / 'deliver', 'night/val/MAP_1_point2'
    for folder, token, numbers in (('img', 'rgb', (2,)), ('hha', 'depth', (1, 2))):
        for number in numbers:
            put(root / folder / scene / f'{number:06d}_{token}_front.png', PICTURE[:4, :6])
    assert main([str(root), str(tmp_path / 'out'), '--quiet']) == 0
    bag = read(tmp_path / 'out')
    topics = ('/camera/image_raw', '/depth/hha', '/camera/camera_info')
    assert [len(bag[topic]) for topic in topics] == [1, 2, 2]
    assert bag['/camera/camera_info'][0][1].width == 6


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
