"""Stamps and event packets."""

from array import array
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('sensor_msgs')

from builtin_interfaces.msg import Time

from robustseg_core.errors import SensorError
from robustseg_core.sensors import event_decoder
from robustseg_ros.inputs import conversions


def test_stamps_are_whole_nanoseconds() -> None:
    stamp = Time(sec=1_700_000_123, nanosec=999_999_999)
    stamp_ns = conversions.stamp_to_ns(stamp)
    assert stamp_ns == 1_700_000_123_999_999_999
    assert conversions.ns_to_stamp(stamp_ns) == stamp


def packet(data: bytes, *, is_bigendian: bool = False) -> SimpleNamespace:
    """An event_camera_msgs/EventPacket, whose package need not be installed."""
    header = SimpleNamespace(stamp=Time(sec=5, nanosec=7))
    return SimpleNamespace(
        header=header,
        width=640,
        height=480,
        seq=0,
        time_base=0,
        encoding='mono',
        is_bigendian=is_bigendian,
        events=array('B', data),
    )


def test_events_are_dated_by_their_packets_stamp() -> None:
    words = np.array([1 << 63 | 3 << 48 | 640 << 32 | 1500], '<u8')
    events = conversions.events_of(packet(words.tobytes()), event_decoder('mono'))
    assert events.t_ns.tolist() == [5_000_000_007 + 1500]
    assert (events.x[0], events.y[0], events.on[0]) == (640, 3, True)


def test_packet_without_events_is_empty() -> None:
    assert len(conversions.events_of(packet(b''), event_decoder('mono')).x) == 0


def test_big_endian_packet_is_refused() -> None:
    with pytest.raises(SensorError, match="'mono' is big-endian; wanted little-endian"):
        conversions.events_of(packet(bytes(8), is_bigendian=True), event_decoder('mono'))
