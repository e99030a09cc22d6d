"""Events of an event camera, and the image of the last few milliseconds of them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError

# As far as the coordinates of EVT formats reach; the largest cameras have 1280.
MOST_SIDE = 1 << 11
# Half a second of the fastest camera that ROS carries; 16 bytes each.
MOST_HELD = 1 << 25
DEFAULT_WINDOW_NS = 30_000_000  # as MUSES, on which the published event models were trained


class Events(NamedTuple):
    """Brightness changes, arrays of one length.

    Attributes:
        x: (N,) uint16 column.
        y: (N,) uint16 row.
        t_ns: (N,) int64 time in nanoseconds.
        on: (N,) bool, True where it became brighter.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t_ns: NDArray[np.int64]
    on: NDArray[np.bool_]


def event_image(events: Events, width: int, height: int) -> NDArray[np.uint8]:
    """Count events per pixel: encoding ``event_counts``.

    Returns:
        (H, W, 3) uint8: number of ON events, number of OFF events, 0; at most 255. Events outside
        the image are left out: noise on the camera's wire makes some.
    """
    return _counts([_places(events, width, height)[0]], width, height)


class EventWindow:
    """The most recent events of a stream, for images of a fixed exposure time.

    Args:
        width: Of the sensor, in pixels.
        height: Of the sensor, in pixels.
        window_ns: Time that an image shows.
        slack_ns: How far behind the newest event an image may end; what is older than both
            together is forgotten, and so are the oldest beyond ``MOST_HELD``.

    Raises:
        SensorError: A size is not positive, or beyond that of any event camera.
    """

    def __init__(
        self,
        width: int,
        height: int,
        window_ns: int = DEFAULT_WINDOW_NS,
        slack_ns: int = 200_000_000,
    ) -> None:
        if min(width, height, window_ns) < 1:
            msg = f'Event window is {width}x{height}, {window_ns} ns; wanted positive numbers.'
            raise SensorError(msg)
        if max(width, height) > MOST_SIDE:
            msg = (
                f'Event camera has {width}x{height} pixels; wanted at most {MOST_SIDE} on a side.'
            )
            raise SensorError(msg)
        self._width = width
        self._height = height
        self._window_ns = window_ns
        self._keep_ns = window_ns + slack_ns
        self._packets: list[_Packet] = []

    def add(self, events: Events) -> None:
        """Append events that are newer than those added before.

        Where time runs backwards (a bag starts over), call ``clear`` first: old events would stay.
        """
        places, t_ns = _places(events, self._width, self._height)
        if not len(places):
            return
        packet = _Packet(places, t_ns, int(t_ns.min()), int(t_ns.max()))
        self._packets.append(packet)
        # All of them are looked at: a packet dated into the future by a wrong bit must not keep
        # those behind it.
        oldest_ns = packet.last_ns - self._keep_ns
        self._packets = [kept for kept in self._packets if kept.last_ns > oldest_ns]
        held = sum(len(kept.place) for kept in self._packets)
        while held > MOST_HELD and len(self._packets) > 1:
            held -= len(self._packets.pop(0).place)

    def image(self, end_ns: int) -> NDArray[np.uint8]:
        """Return ``event_image`` of the events in (end - window, end]."""
        start_ns = end_ns - self._window_ns
        parts = []
        for packet in self._packets:
            if packet.last_ns <= start_ns or packet.first_ns > end_ns:
                continue
            if packet.first_ns > start_ns and packet.last_ns <= end_ns:
                parts.append(packet.place)
            else:
                parts.append(packet.place[(packet.t_ns > start_ns) & (packet.t_ns <= end_ns)])
        return _counts(parts, self._width, self._height)

    def clear(self) -> None:
        """Forget everything."""
        self._packets.clear()


class _Packet(NamedTuple):
    place: NDArray[np.intp]
    t_ns: NDArray[np.int64]
    first_ns: int
    last_ns: int


def _places(events: Events, width: int, height: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return each event's place in the flattened image, and its time."""
    x, y, t_ns, on = events
    if len(x) and (x.max() >= width or y.max() >= height):
        inside = (x < width) & (y < height)
        x, y, t_ns, on = x[inside], y[inside], t_ns[inside], on[inside]
    place = y.astype(np.intp)
    place *= width
    place += x
    place *= 3
    place += ~on
    return place, t_ns


def _counts(parts: list[NDArray[np.intp]], width: int, height: int) -> NDArray[np.uint8]:
    image = np.zeros((height, width, 3), np.uint8)
    if parts:
        index = parts[0] if len(parts) == 1 else np.concatenate(parts)
        counts = image.reshape(-1)
        # In eight bits the image stays in the processor's cache.
        np.add.at(counts, index, np.uint8(1))
        # A pixel beyond 255 began again at zero: the image misses 256 of its events.
        if sum(cv2.sumElems(image)) != len(index):
            counts[:] = np.minimum(np.bincount(index, minlength=len(counts)), 255)
    return image
