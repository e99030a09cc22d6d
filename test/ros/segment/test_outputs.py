"""What belongs to the masks."""

import numpy as np
import pytest
from std_msgs.msg import Header

from robustseg_core.labels import DELIVER
from robustseg_ros.node.config import Looks
from robustseg_ros.segment import outputs
from robustseg_ros.segment.outputs import Outputs, Result, unlabelled_below


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

    def create_lifecycle_publisher(self, message, topic, qos, **options):
        return self.publishers.setdefault(topic, Publisher())


RESULT = Result(
    header=Header(frame_id='camera'),
    class_ids=np.zeros((4, 6), np.uint8),
    confidence=np.ones((4, 6), np.float32),
    image=np.zeros((4, 6, 3), np.uint8),
    present=('rgb',),
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
