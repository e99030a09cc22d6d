"""What belongs to the masks."""

from dataclasses import replace
import json

from builtin_interfaces.msg import Time
from input_reading import decompressed
import numpy as np
import pytest
from sensor_msgs.msg import PointField
from std_msgs.msg import Header

from robustseg_core.labels import DELIVER
from robustseg_core.runtime.trust import Trust
from robustseg_core.sensors import CameraModel
from robustseg_ros.inputs.conversions import image_to_array, to_rgb
from robustseg_ros.inputs.measurements import Cloud
from robustseg_ros.node.config import Looks
from robustseg_ros.segment import outputs
from robustseg_ros.segment.labelled_points import labelled_points
from robustseg_ros.segment.outputs import Outputs, Result, unlabelled_below
from robustseg_ros.segment.report import caption


class Publisher:
    def __init__(self):
        self.subscribers = 0
        self.messages = []

    def get_subscription_count(self):
        return self.subscribers

    def publish(self, message):
        self.messages.append(message)


class Node:
    def __init__(self):
        self.publishers = {}
        self.diagnostics_listeners = 0

    def resolve_topic_name(self, topic):
        return f'/remapped{topic}'

    def count_subscribers(self, topic):
        return self.diagnostics_listeners if topic == '/remapped/diagnostics' else 0

    def create_lifecycle_publisher(self, message, topic, qos, **options):
        return self.publishers.setdefault(topic, Publisher())


RESULT = Result(
    header=Header(frame_id='camera'),
    class_ids=np.zeros((4, 6), np.uint8),
    confidence=np.ones((4, 6), np.float32),
    image=np.zeros((4, 6, 3), np.uint8),
    encoding='rgb',
    trust=Trust(
        subset='R',
        missing=('depth',),
        ages_ms={'rgb': 12.3456},
        confidence=0.75,
        expected_miou=41.234,
        expected_on='streets, split val',
        shares={},
    ),
)


def test_overlay_and_confidence_are_made_only_while_somebody_listens(monkeypatch):
    painted = []
    paint = outputs.paint_overlay
    monkeypatch.setattr(
        outputs, 'paint_overlay', lambda *args: (painted.append(1), paint(*args))[1]
    )
    node = Node()
    made = Outputs(node, DELIVER)
    overlay, confidence = (node.publishers[f'~/{name}'] for name in ('overlay', 'confidence'))
    made.publish(RESULT, Looks(), None)
    assert (painted, overlay.messages, confidence.messages) == ([], [], [])
    assert not made.wants_confidence
    assert len(node.publishers['~/mask'].messages) == 1
    overlay.subscribers = confidence.subscribers = 1
    assert made.wants_confidence
    made.publish(RESULT, Looks(), None)
    assert (painted, len(overlay.messages), len(confidence.messages)) == ([1], 1, 1)


@pytest.mark.parametrize(('period_s', 'expected'), [(0.0, 20), (0.27, 8), (100.0, 1)])
def test_overlays_come_no_more_often_than_wanted(period_s, expected):
    """Twenty masks, 0.1 s apart but for a millisecond; eight periods begin in that time."""
    now_s = [50.0]
    node = Node()
    made = Outputs(node, DELIVER, timer=lambda: now_s[0])
    node.publishers['~/overlay'].subscribers = 1
    for index in range(20):
        now_s[0] = 50 + 0.1 * index + 0.001 * (-1) ** index
        made.publish(RESULT, Looks(overlay_period_s=period_s), None)
    assert len(node.publishers['~/overlay'].messages) == expected
    assert len(node.publishers['~/mask'].messages) == 20


def test_the_first_overlay_after_a_silence_comes_at_once():
    now_s = [50.0]
    node = Node()
    made = Outputs(node, DELIVER, timer=lambda: now_s[0])
    overlay = node.publishers['~/overlay']
    for now_s[0], overlay.subscribers in ((50.0, 1), (51.0, 0), (60.0, 1), (60.1, 1)):
        made.publish(RESULT, Looks(overlay_period_s=0.5), None)
    assert len(overlay.messages) == 2


def test_pixels_below_the_limit_are_unlabelled_and_the_engines_mask_is_left_alone():
    class_ids = np.array([[0, 7, 24]], np.uint8)
    confidence = np.array([[0.39, 0.4, 0.9]], np.float32)
    assert unlabelled_below(float(np.float32(0.4)), class_ids, confidence).tolist() == [
        [255, 7, 24]
    ]
    assert class_ids.tolist() == [[0, 7, 24]]


@pytest.mark.parametrize(
    'topic', ['report', 'color_mask', 'mask/compressed', 'overlay/compressed', 'points']
)
def test_nothing_is_made_for_nobody(topic, cloud):
    node = Node()
    made = Outputs(node, DELIVER)
    result = replace(RESULT, cloud=cloud)
    made.publish(result, Looks(), None)
    published = {name for name, each in node.publishers.items() if each.messages}
    assert published == {'~/mask'}
    node.publishers[f'~/{topic}'].subscribers = 1
    made.publish(result, Looks(), None)
    published = {name for name, each in node.publishers.items() if each.messages}
    assert published == {'~/mask', f'~/{topic}'}


def test_the_points_want_the_confidence_and_people_want_the_shares():
    node = Node()
    made = Outputs(node, DELIVER)
    assert not made.wants_confidence
    assert not made.wants_shares
    node.publishers['~/points'].subscribers = 1
    assert made.wants_confidence
    assert not made.wants_shares
    for topic in ('report', 'overlay', 'overlay/compressed'):
        node.publishers[f'~/{topic}'].subscribers = 1
        assert made.wants_shares
        node.publishers[f'~/{topic}'].subscribers = 0
    node.diagnostics_listeners = 1
    assert made.wants_shares


def test_compressed_pictures_are_those_that_are_not():
    node = Node()
    made = Outputs(node, DELIVER)
    ids = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
    result = replace(RESULT, class_ids=ids, confidence=np.ones((40, 60), np.float32))
    names = ('mask', 'mask/compressed', 'overlay', 'overlay/compressed')
    publishers = [node.publishers[f'~/{name}'] for name in names]
    for each in publishers:
        each.subscribers = 1
    made.publish(result, Looks(jpeg_quality=95), None)
    mask, png, overlay, jpeg = (each.messages[0] for each in publishers)
    assert png.format == 'mono8; png compressed '
    decoded, encoding = decompressed(png)
    assert encoding == 'mono8'
    np.testing.assert_array_equal(decoded, image_to_array(mask))
    assert jpeg.format == 'rgb8; jpeg compressed bgr8'
    decoded, encoding = decompressed(jpeg)
    difference = to_rgb(decoded, encoding).astype(int) - image_to_array(overlay)
    assert np.abs(difference).mean() < 20, 'colours in their order'
    assert png.header == jpeg.header == mask.header


def test_the_coloured_mask_has_the_palette_and_no_picture():
    node = Node()
    made = Outputs(node, DELIVER)
    node.publishers['~/color_mask'].subscribers = 1
    ids = np.array([[0, 7, 255]], np.uint8)
    made.publish(replace(RESULT, class_ids=ids, confidence=None), Looks(), None)
    message = node.publishers['~/color_mask'].messages[0]
    assert message.encoding == 'rgb8'
    colours = image_to_array(message)[0].tolist()
    assert colours == [list(DELIVER.palette[0]), list(DELIVER.palette[7]), [0, 0, 0]]


def test_the_report_says_what_a_mask_is_worth():
    node = Node()
    made = Outputs(node, DELIVER)
    node.publishers['~/report'].subscribers = 1
    header = Header(frame_id='camera', stamp=Time(sec=3, nanosec=4))
    made.publish(replace(RESULT, header=header), Looks(), None)
    shares = {'rgb': 0.625, 'lidar': 0.375}
    ages_ms = {'rgb': 12.3456, 'lidar': 80.0}
    both = replace(RESULT.trust, subset='RL', shares=shares, ages_ms=ages_ms, expected_miou=None)
    made.publish(replace(RESULT, header=header, trust=both), Looks(), None)
    alone, together = (json.loads(each.data) for each in node.publishers['~/report'].messages)
    assert alone == {
        'stamp': {'sec': 3, 'nanosec': 4},
        'frame_id': 'camera',
        'subset': 'R',
        'missing': ['depth'],
        'expected_miou': 41.23,
        'expected_on': 'streets, split val',
        'confidence': 0.75,
        'inputs': {'rgb': {'age_ms': 12.35, 'share': None}},
    }
    assert together['inputs']['lidar'] == {'age_ms': 80.0, 'share': 0.375}
    assert together['expected_miou'] is None
    assert caption(both) == ('rgb 62% + lidar 38%', 'confidence 0.75')
    assert caption(RESULT.trust) == ('rgb', 'expected mIoU 41, confidence 0.75')
    values = both.values()
    assert (values['share_lidar'], values['age_ms_rgb'], values['expected_miou']) == (
        '0.38',
        '12.3',
        '',
    )


@pytest.fixture
def cloud():
    """Points before, behind, beside and very near a camera that looks along x."""
    camera = CameraModel.pinhole(60, 40, 90)
    points = np.array([[10, -1, 0], [-10, 0, 0], [10, 5, 0], [10, 50, 0], [0.5, 0, 0]], np.float32)
    turned = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    header = Header(frame_id='camera', stamp=Time(sec=3))
    return Cloud(header, points, None, turned, camera, sensor_frame='lidar')


def columns(message):
    """Read a cloud by the fields that it names itself."""
    kinds = {PointField.FLOAT32: '<f4', PointField.UINT8: 'u1'}
    fields = message.fields
    dtype = np.dtype(
        {
            'names': [each.name for each in fields],
            'formats': [kinds[each.datatype] for each in fields],
            'offsets': [each.offset for each in fields],
            'itemsize': message.point_step,
        }
    )
    rows = np.frombuffer(message.data, dtype)
    assert len(rows) == message.width
    return {name: np.ascontiguousarray(rows[name]) for name in dtype.names}


def test_points_bear_what_the_mask_has_where_the_camera_sees_them(cloud):
    """The mask has half the camera's size; its left half is class 7."""
    ids = np.full((20, 30), 2, np.uint8)
    ids[:, :15] = 7
    confidence = np.full((20, 30), 0.5, np.float32)
    confidence[:, :15] = 0.9
    message = labelled_points(cloud, ids, confidence, DELIVER.colour_table())
    assert (message.header.frame_id, message.header.stamp.sec) == ('lidar', 3)
    found = columns(message)
    np.testing.assert_array_equal(np.stack([found[each] for each in 'xyz'], axis=1), cloud.points)
    # y points to the left.
    assert found['label'].tolist() == [2, 255, 7, 255, 255]
    assert found['confidence'].tolist() == pytest.approx([0.5, 0, 0.9, 0, 0])
    packed = found['rgb'].view(np.uint32)
    wanted = [DELIVER.palette[2], (96,) * 3, DELIVER.palette[7], (96,) * 3, (96,) * 3]
    assert [(each >> 16, each >> 8 & 255, each & 255) for each in packed.tolist()] == wanted


def test_an_empty_cloud_is_an_empty_message(cloud):
    nothing = replace(cloud, points=np.zeros((0, 3), np.float32))
    ids, confidence = np.zeros((4, 6), np.uint8), np.ones((4, 6), np.float32)
    message = labelled_points(nothing, ids, confidence, DELIVER.colour_table())
    assert (message.width, len(message.data)) == (0, 0)
