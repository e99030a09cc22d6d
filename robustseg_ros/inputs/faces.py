"""What the messages of an input say of themselves, and whether inputs that are fused agree."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Any, NamedTuple

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_ros.inputs.measurements import Size, size_text

WINDOW = 20  # messages
# So many changes within them are two publishers; a driver that is set anew makes one.
CHANGES = 4
# Aspect ratios that differ by more are not those of one picture at two sizes.
ASPECT = 0.02
MOST_CHARACTERS = 1024  # of the name of a frame, which is published with every mask


class Face(NamedTuple):
    """What a message says of itself.

    Attributes:
        frame_id: Of its header.
        size: (height, width) of an image; None where a message does not say.
    """

    frame_id: str
    size: Size | None

    def __str__(self) -> str:
        size = '' if self.size is None else f', {size_text(self.size)}'
        return f'frame {quoted(self.frame_id)}{size}'


def check_frame(frame_id: str) -> None:
    """Refuse the name of a frame that no driver sends.

    Raises:
        SensorError: It is longer than ``MOST_CHARACTERS``.
    """
    if len(frame_id) > MOST_CHARACTERS:
        msg = f'frame_id is {quoted(frame_id)}; wanted at most {MOST_CHARACTERS} characters.'
        raise SensorError(msg)


def face_of(msg: Any) -> Face:
    """Return the face of a message of an input; a cloud's size is that of no image."""
    has_pixels = hasattr(msg, 'encoding') and hasattr(msg, 'height')
    return Face(msg.header.frame_id, (msg.height, msg.width) if has_pixels else None)


class Faces:
    """The faces of an input's last messages."""

    def __init__(self) -> None:
        self._faces: deque[Face] = deque(maxlen=WINDOW)

    def add(self, face: Face) -> None:
        """Record that of a message."""
        self._faces.append(face)

    def reset(self) -> None:
        self._faces.clear()

    @property
    def newest(self) -> Face | None:
        """That of the last message, if there was one."""
        return self._faces[-1] if self._faces else None

    def complaint(self) -> str:
        """Return that messages of different kinds take turns, if they do."""
        changes = [(a, b) for a, b in pairwise(self._faces) if a != b]
        if len(changes) < CHANGES:
            return ''
        one, other = changes[-1]
        return f'messages of two kinds take turns ({one}; {other}): two publishers on one topic?'


def registration_complaint(face: Face, leader: str, leading: Face) -> str:
    """Return why an image can hardly show what the leading one shows, or an empty string.

    Args:
        face: Of the image.
        leader: Name of the leading input.
        leading: The face of that one's image.
    """
    found = []
    if face.frame_id != leading.frame_id:
        found.append(f'its frame is {quoted(face.frame_id)}, that of {leader} '
                     f'{quoted(leading.frame_id)}')  # fmt: skip
    if (differ := _sizes_differ(face.size, leading.size)) and face.size and leading.size:
        found.append(
            f'its {differ} is {size_text(face.size)}, that of {leader} {size_text(leading.size)}'
        )
    if not found:
        return ''
    return f'{" and ".join(found)}, but they are fused as registered: pixel on pixel'


def camera_complaint(camera_size: Size, face: Face) -> str:
    """Return that a camera's CameraInfo is of another size than its image, if it is."""
    if face.size is None or face.size == camera_size:
        return ''
    return (
        f'its CameraInfo is for {size_text(camera_size)}, its image is {size_text(face.size)}: '
        'points may be drawn in the wrong place'
    )


def _sizes_differ(one: Size | None, other: Size | None) -> str:
    if one is None or other is None or one == other or 0 in (*one, *other):
        return ''
    aspects = one[1] / one[0], other[1] / other[0]
    return 'aspect ratio' if abs(aspects[0] / aspects[1] - 1) > ASPECT else 'size'
