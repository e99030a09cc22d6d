"""Arrays as messages of a bag."""

import numpy as np
import pytest

pytest.importorskip('rosbags')

from robustseg_core.errors import DataError
from robustseg_core.sensors import CameraModel, Events
from robustseg_ros.bags import messages
from robustseg_ros.bags.definitions import typestore


def events(t_ns: list[int]) -> Events:
    count = len(t_ns)
    return Events(
        np.arange(count, dtype=np.uint16) + 600,
        np.arange(count, dtype=np.uint16) + 400,
        np.array(t_ns, np.int64),
        np.arange(count) % 2 == 0,
    )


def test_types_are_those_of_the_ros_packages() -> None:
    """Hash of event_camera_msgs 2 as recorded by rosbag2 (test_events_1.db3 of its package)."""
    recorded = 'd6fa176260b1f37e5a40845305315e150a0f18191241eb64f407442aa29844aa'
    found = typestore().hash_rihs01('event_camera_msgs/msg/EventPacket')
    assert found == f'RIHS01_{recorded}'


def test_event_word_is_polarity_row_column_and_time() -> None:
    packet = messages.event_packet(events([5_000_000_007, 5_000_000_019]), 640, 480, 3, 'camera')
    words = [int.from_bytes(packet.events[at : at + 8].tobytes(), 'little') for at in (0, 8)]
    assert words[0] == 1 << 63 | 400 << 48 | 600 << 32 | 0
    assert words[1] == 0 << 63 | 401 << 48 | 601 << 32 | 12
    assert (packet.encoding, packet.width, packet.height, packet.seq) == ('mono', 640, 480, 3)
    assert packet.time_base == 5_000_000_007
    assert (packet.header.stamp.sec, packet.header.stamp.nanosec) == (5, 7)


@pytest.mark.parametrize('t_ns', [[], [5, 4], [0, 1 << 32]])
def test_events_that_do_not_fit_a_packet_are_refused(t_ns: list[int]) -> None:
    with pytest.raises(DataError, match='packet of events'):
        messages.event_packet(events(t_ns), 640, 480, 0, 'camera')


@pytest.mark.parametrize(
    ('shape', 'dtype', 'encoding', 'step'),
    [
        ((2, 5, 3), np.uint8, 'rgb8', 15),
        ((2, 5), np.uint8, 'mono8', 5),
        ((2, 5), np.float32, '32FC1', 20),
        ((2, 5), np.uint16, '16UC1', 10),
    ],
)
def test_image_has_encoding_and_step_of_its_array(
    shape: tuple[int, ...], dtype: type, encoding: str, step: int
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    message = messages.image(array, 7, 'camera')
    assert (message.encoding, message.step) == (encoding, step)
    assert (message.height, message.width) == (2, 5)
    assert message.data.tobytes() == array.tobytes()


def test_image_without_an_encoding_is_refused() -> None:
    with pytest.raises(DataError, match='No image encoding for 2 channels of int64'):
        messages.image(np.zeros((2, 2, 2), np.int64), 7, 'camera')


def test_points_are_packed_in_the_order_of_their_fields() -> None:
    fields = {
        'x': np.array([1.5, 2.5], np.float32),
        'ring': np.array([3, 4], np.uint16),
        'time': np.array([0.25, 0.5], np.float32),
    }
    cloud = messages.points(fields, 7, 'lidar')
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields] == [
        ('x', 0, 7, 1),
        ('ring', 4, 4, 1),
        ('time', 6, 7, 1),
    ]
    assert (cloud.point_step, cloud.row_step, cloud.width, cloud.height) == (10, 20, 2, 1)
    second = cloud.data[10:20].tobytes()
    assert np.frombuffer(second[:4], '<f4') == 2.5
    assert np.frombuffer(second[4:6], '<u2') == 4
    assert np.frombuffer(second[6:], '<f4') == 0.5


def test_camera_info_has_intrinsics_for_raw_and_rectified_pixels() -> None:
    matrix = np.array([[100.0, 0, 31], [0, 110, 23], [0, 0, 1]])
    info = messages.camera_info(CameraModel(64, 48, matrix), 7, 'camera')
    assert (info.width, info.height) == (64, 48)
    assert info.k.tolist() == [100, 0, 31, 0, 110, 23, 0, 0, 1]
    assert info.p.tolist() == [100, 0, 31, 0, 0, 110, 23, 0, 0, 0, 1, 0]
    assert info.r.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert info.distortion_model == 'plumb_bob'
    assert not any(info.d)


def rotated(quaternion: tuple[float, float, float, float], vector: np.ndarray) -> np.ndarray:
    """Rotate by q v q*, written out with cross products."""
    axis, w = np.array(quaternion[:3]), quaternion[3]
    return vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)


@pytest.mark.parametrize('degrees', [0, 30, 90, 180, 271])
@pytest.mark.parametrize('axis', [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0, 0.8)])
def test_quaternion_rotates_as_its_matrix(degrees: float, axis: tuple[float, ...]) -> None:
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    vector = np.array([0.3, -1.2, 2.0])
    quaternion = messages.quaternion(matrix)
    np.testing.assert_allclose(rotated(quaternion, vector), matrix @ vector, atol=1e-12)


def test_transforms_lead_from_the_child_to_the_parent() -> None:
    transform = np.array([[0.0, 0, 1, 4], [-1, 0, 0, 5], [0, -1, 0, 6], [0, 0, 0, 1]])
    message = messages.static_transforms('base', {'camera': transform}, 7)
    (one,) = message.transforms
    assert (one.header.frame_id, one.child_frame_id) == ('base', 'camera')
    shift, turn = one.transform.translation, one.transform.rotation
    point = np.array([0.1, 0.2, 3.0])  # in the camera's frame
    moved = rotated((turn.x, turn.y, turn.z, turn.w), point)
    moved += np.array([shift.x, shift.y, shift.z])
    np.testing.assert_allclose(moved, [4 + 3.0, 5 - 0.1, 6 - 0.2], atol=1e-12)
