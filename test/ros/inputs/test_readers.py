"""Readers of messages; of event packets without the package that defines them."""

from types import SimpleNamespace as Bag

from builtin_interfaces.msg import Time
import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_ros.inputs.readers import CompressedReader, EventsReader

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


def test_image_shows_the_events_up_to_its_moment():
    reader = EventsReader(period_ns=1, slack_ns=100 * MS)
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
    reader = EventsReader(period_ns=20 * MS, slack_ns=100 * MS)
    made = [reader.read(packet(1000 + 5 * n, [(0, 0, 1, 0)]))[1] for n in range(9)]
    assert [measurement is not None for measurement in made] == [True, *[False] * 3] * 2 + [True]
    assert made[-1].at(1040 * MS).network_image((6, 8))[0, 0, 0] == 6  # of the last 30 ms


def test_reset_forgets_the_events_of_the_old_time():
    reader = EventsReader(period_ns=1, slack_ns=100 * MS)
    reader.read(packet(1000, [(0, 0, 1, 0)]))
    reader.reset()
    measurement = reader.read(packet(1000, [(1, 0, 1, 0)]))[1]
    assert measurement.at(1000 * MS).network_image((6, 8))[0, :2, 0].tolist() == [0, 1]


def test_another_size_starts_again():
    reader = EventsReader(period_ns=1, slack_ns=100 * MS)
    reader.read(packet(1000, [(0, 0, 1, 0)]))
    measurement = reader.read(packet(1001, [(0, 0, 1, 0)], width=4, height=4))[1]
    assert measurement.size() == (4, 4)
    assert measurement.at(1001 * MS).network_image((4, 4))[0, 0, 0] == 1


def test_unknown_event_encoding_is_refused():
    message = packet(1000, [])
    message.encoding = 'smoke'
    with pytest.raises(SensorError, match="'smoke'"):
        EventsReader(period_ns=1, slack_ns=1).read(message)


def compressed(data):
    return CompressedImage(header=Header(), format='png', data=data)


def test_compressed_image_is_decoded_by_whoever_uses_it():
    red = np.zeros((4, 5, 3), np.uint8)
    red[..., 2] = 200  # OpenCV writes BGR
    reader = CompressedReader('rgb')
    picture = reader.read(compressed(cv2.imencode('.png', red)[1].tobytes()))[1]
    assert picture.size() == (4, 5)
    assert picture.network_image((4, 5))[0, 0].tolist() == [200, 0, 0]
