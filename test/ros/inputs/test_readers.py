"""Readers of messages; of event packets without the package that defines them."""

from types import SimpleNamespace as Bag

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_ros.inputs.picture_limits import PictureLimits
from robustseg_ros.inputs.readers import EventsReader

MS = 1_000_000


def packet(start_ms, events, width=8, height=6):
    """Return an EventPacket ``mono``; ``events`` are (x, y, on, milliseconds after the start)."""
    words = [(on << 63) | (y << 48) | (x << 32) | int(after * MS) for x, y, on, after in events]
    return Bag(
        header=Header(
            stamp=Time(sec=start_ms // 1000, nanosec=start_ms % 1000 * MS), frame_id='event'
        ),
        encoding='mono',
        is_bigendian=False,
        width=width,
        height=height,
        events=np.array(words, '<u8').view(np.uint8),
    )


def events_reader(period_ns, slack_ns):
    limits = PictureLimits(max_pixels=2_000_000, max_side=32767, max_aspect=64)
    return EventsReader(period_ns, slack_ns, limits)


def test_image_shows_the_events_up_to_its_moment():
    reader = events_reader(period_ns=1, slack_ns=100 * MS)
    reader.read(packet(1000, [(1, 2, 1, 0), (1, 2, 1, 5), (3, 4, 0, 9)]))
    stamp_ns, measurement = reader.read(packet(1010, [(1, 2, 1, 4)]))
    assert stamp_ns == 1014 * MS
    assert measurement.header.stamp == Time(sec=1, nanosec=14 * MS)
    assert measurement.size() == (6, 8)
    counts = measurement.at(1014 * MS).network_image((6, 8))
    assert counts[2, 1].tolist() == [3, 0, 0]
    assert counts[4, 3].tolist() == [0, 1, 0]
    # Matched to an earlier leader, it must not show what came after that.
    assert measurement.at(1009 * MS).network_image((6, 8))[2, 1, 0] == 2


def test_packets_in_between_are_collected_without_a_measurement():
    reader = events_reader(period_ns=20 * MS, slack_ns=100 * MS)
    made = [reader.read(packet(1000 + 5 * n, [(0, 0, 1, 0)]))[1] for n in range(9)]
    assert [measurement is not None for measurement in made] == [True, *[False] * 3] * 2 + [True]
    assert made[-1].at(1040 * MS).network_image((6, 8))[0, 0, 0] == 6  # of the last 30 ms


def test_reset_forgets_the_events_of_the_old_time():
    reader = events_reader(period_ns=1, slack_ns=100 * MS)
    reader.read(packet(1000, [(0, 0, 1, 0)]))
    reader.reset()
    measurement = reader.read(packet(1000, [(1, 0, 1, 0)]))[1]
    assert measurement.at(1000 * MS).network_image((6, 8))[0, :2, 0].tolist() == [0, 1]


def test_another_size_starts_again():
    reader = events_reader(period_ns=1, slack_ns=100 * MS)
    reader.read(packet(1000, [(0, 0, 1, 0)]))
    measurement = reader.read(packet(1001, [(0, 0, 1, 0)], width=4, height=4))[1]
    assert measurement.size() == (4, 4)
    assert measurement.at(1001 * MS).network_image((4, 4))[0, 0, 0] == 1


def test_unknown_event_encoding_is_refused():
    message = packet(1000, [])
    message.encoding = 'smoke'
    with pytest.raises(SensorError, match="'smoke'"):
        events_reader(period_ns=1, slack_ns=1).read(message)


@pytest.mark.parametrize('size', [(40_000, 480), (2**32 - 1, 2**32 - 1), (0, 4), (640, 4)])
def test_a_size_that_no_event_camera_has_is_refused_before_anything_is_allocated(size):
    reader = events_reader(period_ns=1, slack_ns=1)
    with pytest.raises(SensorError, match=f'Image is {size[0]}x{size[1]} pixels; wanted'):
        reader.read(packet(1000, [(0, 0, 1, 0)], width=size[0], height=size[1]))
    reader.read(packet(1000, [(0, 0, 1, 0)]))


def test_an_event_after_the_end_of_time_is_refused():
    message = packet(1000, [(0, 0, 1, 3000)])
    message.header.stamp = Time(sec=2**31 - 1, nanosec=0)
    with pytest.raises(SensorError, match='Stamp is 2147483650 s; wanted one of 32 bits'):
        events_reader(period_ns=1, slack_ns=1).read(message)
