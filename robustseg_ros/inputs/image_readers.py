"""Images and compressed images -> pictures."""

from __future__ import annotations

from functools import partial
from typing import Any

from robustseg_core.errors import SensorError
from robustseg_ros.decoding.decoder import Decoded, Decoder
from robustseg_ros.inputs.compressed_images import encoding_of_result, job_of
from robustseg_ros.inputs.conversions import image_to_array, stamp_to_ns
from robustseg_ros.inputs.pictures import Picture, check_picture
from robustseg_ros.inputs.reader import Pending, Reader, Reading
from robustseg_ros.node.config import InputConfig


class ImageReader(Reader):
    """Images as they are; checked at once, so that a wrong encoding is known without a frame.

    Args:
        config: Of the input.
        encoding: What the network wants.
    """

    def __init__(self, config: InputConfig, encoding: str) -> None:
        self._config = config
        self._encoding = encoding

    def read(self, msg: Any) -> Reading:
        pixels = image_to_array(msg, self._config.limits)
        check_picture(msg.encoding, self._encoding)
        picture = Picture(
            header=msg.header,
            pixels=pixels,
            ros_encoding=msg.encoding,
            encoding=self._encoding,
            scale=self._config.scale,
            bits=self._config.bits,
        )
        return stamp_to_ns(msg.header.stamp), picture


class CompressedReader(Reader):
    """Compressed images: their headers are judged at once, a process of its own decodes them.

    Args:
        node: Whose executor is woken when a picture is there.
        config: Of the input.
        encoding: What the network wants.
    """

    def __init__(self, node: Any, config: InputConfig, encoding: str) -> None:
        self._node = node
        self._config = config
        self._encoding = encoding
        self._stream = 0
        self._error = ''  # of the last one decoded
        self._woken = node.create_guard_condition(self.collect)
        self._decoder: Decoder[tuple[int, Pending, Any]] = Decoder(
            config.name, config.decode_limit_s, self._woken.trigger
        )

    @property
    def pid(self) -> int | None:
        """The process that decodes, if there is one just now."""
        return self._decoder.pid

    def read(self, msg: Any) -> Pending:
        pending = Pending()
        job = job_of(msg, self._config.limits)
        displaced = self._decoder.submit((self._stream, pending, msg.header), job)
        # What has to make way on a busy machine was in order; where pictures are given up it is
        # refused like them, so that the input does not look silent.
        if displaced is not None and self._error and displaced[0] == self._stream:
            displaced[1].then(partial(_fail, self._error))
        return pending

    def reset(self) -> None:
        """Forget the stream, and what is being decoded of it."""
        self._stream += 1

    def close(self) -> None:
        """End the process that decodes."""
        self._decoder.close()
        self._node.destroy_guard_condition(self._woken)

    def collect(self) -> None:
        """Hand on what has been decoded; called in the executor's thread."""
        for done in self._decoder.finished():
            stream, pending, header = done.tag
            if stream == self._stream:
                pending.then(partial(self._reading, header, done))

    def _reading(self, header: Any, done: Decoded[Any]) -> Reading:
        self._error = done.error
        if done.pixels is None:
            raise SensorError(done.error)
        channels = done.pixels.shape[2] if done.pixels.ndim == 3 else 1
        ros_encoding = done.job.depth or encoding_of_result(
            done.job.format, done.pixels.dtype, channels
        )
        check_picture(ros_encoding, self._encoding)
        picture = Picture(
            header=header,
            pixels=done.pixels,
            ros_encoding=ros_encoding,
            encoding=self._encoding,
            scale=self._config.scale,
            bits=self._config.bits,
        )
        return stamp_to_ns(header.stamp), picture


def _fail(reason: str) -> Reading:
    raise SensorError(reason)
