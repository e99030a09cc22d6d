"""Where a sensor sits: from a parameter, or else from tf2 where that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.time import Time

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_ros.node import optional

_MOST_CHARACTERS = 400  # of what tf2 says: two names of frames, and why


class Extrinsics:
    """The transform of a sensor's coordinates into the camera's.

    Args:
        node: The node tf2 listens with.
        name: Name of the input, for messages.
        camera_from_sensor: (4, 4) from the parameter, or None.
    """

    def __init__(
        self, node: Any, name: str, camera_from_sensor: NDArray[np.float64] | None
    ) -> None:
        self._name = name
        self._fixed = camera_from_sensor
        self._tf2 = None if camera_from_sensor is not None else optional.load(optional.TF2)
        if self._tf2 is not None:
            # With node=, the buffer forgets when this node's clock jumps back.
            self._buffer = self._tf2.Buffer(node=node)
            self._listener = self._tf2.TransformListener(self._buffer, node)

    def close(self) -> None:
        """End listening to tf."""
        if self._tf2 is not None:
            self._listener.unregister()

    def camera_from(self, camera_frame: str, header: Any) -> NDArray[np.float64]:
        """Return the transform (4, 4) of ``header``'s frame into ``camera_frame``.

        Raises:
            SensorError: It is not known; says what was looked for.
        """
        if self._fixed is not None:
            return self._fixed
        if self._tf2 is None:
            msg = (
                f'no extrinsics: {self._name}.camera_from_sensor is empty and tf2_ros '
                f'{optional.why_missing(optional.TF2)}'
            )
            raise SensorError(msg)
        try:
            found = self._lookup(camera_frame, header)
        except self._tf2.TransformException as error:
            msg = f'no extrinsics: {quoted(error, _MOST_CHARACTERS)}'
            raise SensorError(msg) from error
        return transform_matrix(found.transform)

    def _lookup(self, camera_frame: str, header: Any) -> Any:
        assert self._tf2 is not None
        if header.stamp.sec < 0:
            msg = f'Stamp is {header.stamp.sec} s; wanted one after 1970.'
            raise SensorError(msg)
        try:
            return self._buffer.lookup_transform(
                camera_frame, header.frame_id, Time.from_msg(header.stamp)
            )
        except self._tf2.ExtrapolationException:
            # The scan is newer than the last transform: a sensor bolted to a car hardly moves
            # against its camera, and waiting would block every other input.
            return self._buffer.lookup_transform(camera_frame, header.frame_id, Time())


def transform_matrix(transform: Any) -> NDArray[np.float64]:
    """Return geometry_msgs/Transform as a matrix (4, 4).

    Raises:
        SensorError: The rotation is not a quaternion of length one, or the translation not finite.
    """
    q, t = transform.rotation, transform.translation
    quaternion = np.array([q.w, q.x, q.y, q.z])
    length = float(np.linalg.norm(quaternion))
    if not 0.99 < length < 1.01:
        msg = f'Transform has a rotation of length {length:.3g}; wanted a quaternion of length 1.'
        raise SensorError(msg)
    if not np.isfinite([t.x, t.y, t.z]).all():
        msg = f'Transform has a translation of {t.x}, {t.y}, {t.z}; wanted metres.'
        raise SensorError(msg)
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), t.x],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), t.y],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), t.z],
            [0, 0, 0, 1],
        ]
    )
