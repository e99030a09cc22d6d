"""Which measurements make a frame, and that one of them never costs the others theirs."""

from types import SimpleNamespace

from node_scene import MODALITIES
import pytest

from robustseg_ros.inputs.streams import Streams
from robustseg_ros.node.config import node_config
from robustseg_ros.node.parameters import parameter_table


class Node:
    def create_subscription(self, message, topic, receive, qos, **_):
        return SimpleNamespace(qos_profile=qos)

    def resolve_topic_name(self, topic):
        return f'/{topic}'

    def get_logger(self):
        return SimpleNamespace(info=lambda text: None, warning=lambda text: None)


class Clock:
    time_ns = 10**18

    def now_ns(self):
        return self.time_ns

    def heard(self):
        pass


class Moment:
    """What becomes an image at the moment of its frame, or does not."""

    is_final = False

    def __init__(self, error=None):
        self._error = error

    def at(self, stamp_ns):
        if self._error is not None:
            raise self._error
        return stamp_ns


@pytest.fixture
def made():
    names = ['rgb', 'depth', 'event']
    table = parameter_table(names)
    values = {name: parameter.default for name, parameter in table.items()}
    config = node_config(values | {'modalities': names})
    clock, frames, doubts = Clock(), [], {}
    streams = Streams(
        Node(),
        config,
        MODALITIES,
        SimpleNamespace(connect=lambda node: None, info=None),
        frames.append,
        lambda name, stamp_ns, measurement: None,
        lambda: None,
        lambda name, measurement: doubts.get(name, ''),
        SimpleNamespace(report=lambda key, text: None),
        clock,
    )

    def show(**measurements):
        """Show one measurement of each sensor, with one stamp; return the frame, if any."""
        clock.time_ns += 100_000_000
        frames.clear()
        for name, measurement in measurements.items():
            streams.received(name, clock.time_ns, measurement, 0.0)
        streams.poll()  # as the node's timer does
        return frames[-1] if frames else None

    return show, streams, doubts


@pytest.mark.parametrize('bad', ['rgb', 'event'])
@pytest.mark.parametrize('error', [MemoryError(), ValueError('negative dimensions')])
def test_one_that_has_no_image_at_the_moment_of_the_frame_costs_itself_alone(made, bad, error):
    show, streams, _ = made
    good = {name: Moment() for name in ('rgb', 'depth', 'event')}
    show(**good)  # they come alive one after the other
    assert list(show(**good).measurements) == ['rgb', 'depth', 'event']
    frame = show(**good | {bad: Moment(error)})
    assert list(frame.measurements) == [name for name in good if name != bad]
    status = streams.statuses()[bad].availability
    assert type(error).__name__ in status.reason
    assert status.refused == 1
    assert bad not in streams.alive()


def test_a_frame_of_which_nothing_is_left_is_none(made):
    show, _, _ = made
    assert show(rgb=Moment()) is not None
    assert show(rgb=Moment(MemoryError())) is None
    assert show(rgb=Moment(), depth=Moment()) is not None


def test_an_input_in_doubt_is_refused_on_arrival(made):
    show, streams, doubts = made

    class Final(Moment):
        is_final = True

    show(rgb=Final(), depth=Final())
    doubts['depth'] = 'too slow'
    for _ in range(20):
        assert list(show(rgb=Final(), depth=Final()).measurements) == ['rgb']
    assert streams.statuses()['depth'].availability.reason == 'too slow'
    doubts.clear()
    found = [list(show(rgb=Final(), depth=Final()).measurements) for _ in range(3)]
    assert found[-1] == ['rgb', 'depth']
