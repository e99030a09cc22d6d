"""What comes before the benchmark's figures."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from robustseg_core.errors import RobustSegError
from robustseg_ros.demo import warming
from robustseg_ros.demo.records import MaskSeen, Said
from robustseg_ros.demo.rig import Shot
from robustseg_ros.demo.warming import begin_times, warm_up


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch):
    monkeypatch.setattr(time, 'sleep', lambda _: None)


class Node:
    """The node's side of the service, as the listener has it."""

    def __init__(self, said):
        self.said = said
        self.asked = []

    def create_client(self, service, name):
        assert name == '/segment/enable'
        return self

    def wait_for_service(self, timeout_s):
        return True

    def call(self, request, timeout_s):
        if self.said is None:
            raise TimeoutError
        self.asked.append(request.data)
        self.said.append(Said(0.0, {}, {'paused': str(not request.data)}, ''))

    def destroy_client(self, client):
        pass


def listener(said):
    return SimpleNamespace(node=Node(said), recording=SimpleNamespace(said=said))


def test_times_begin_anew_by_a_pause():
    heard = listener([])
    assert begin_times(heard) == {'paused': 'False'}
    assert heard.node.asked == [False, True]


def test_a_node_that_does_not_answer_is_an_error():
    with pytest.raises(RobustSegError, match='does not answer on /segment/enable'):
        begin_times(listener(None))


class Sensors:
    """Every frame has a number for a stamp; masks come from the first good one on."""

    def __init__(self, first_good):
        self.masks = []
        self.sent = 0
        self._first_good = first_good

    def shoot(self, hz, count, spread_s):
        for _ in range(count):
            self.sent += 1
            if self.sent >= self._first_good:
                self.masks.append(MaskSeen(self.sent, 0.0, np.empty((0, 0), np.uint8)))
            yield Shot(self.sent, {})


def warm(sensors):
    node = SimpleNamespace(check=lambda: None, last_words=lambda: 'still building')
    warm_up(sensors, SimpleNamespace(recording=sensors), node, 10.0, 0.0)


@pytest.mark.parametrize(('first_good', 'sent'), [(1, 20), (15, 20), (21, 40), (70, 80)])
def test_frames_are_shown_until_masks_of_new_ones_come(first_good, sent):
    sensors = Sensors(first_good)
    warm(sensors)
    assert sensors.sent == sent


def test_a_node_that_never_gives_a_mask_is_an_error(monkeypatch):
    monkeypatch.setattr(warming, 'BUILD_S', 0.0)
    with pytest.raises(RobustSegError, match='No mask after 0 s; still building'):
        warm(Sensors(10**9))
