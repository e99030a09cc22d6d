"""What readers of messages are given where there is no node."""

from collections.abc import Callable
from threading import Event
from typing import Any

import numpy as np

from robustseg_ros.decoding.pixels import decoded
from robustseg_ros.inputs.compressed_images import encoding_of_result, job_of
from robustseg_ros.inputs.reader import Pending, Reading
from robustseg_ros.node.config import InputConfig, node_config
from robustseg_ros.node.parameters import parameter_table


def input_config(**changes: Any) -> InputConfig:
    """Return the configuration of input ``rgb``; in names ``__`` stands for a dot."""
    values = {p.name: p.default for p in parameter_table(['rgb']).values()}
    values |= {name.replace('__', '.'): value for name, value in changes.items()}
    return node_config(values | {'modalities': ['rgb']}).inputs['rgb']


class WakingNode:
    """What a reader wants of a node: to be woken in its thread."""

    def __init__(self) -> None:
        self.woken = Event()
        self.conditions = 0

    def create_guard_condition(self, callback: Callable[[], None]) -> 'WakingNode':
        self.callback = callback
        self.conditions += 1
        return self

    def trigger(self) -> None:
        self.woken.set()

    def destroy_guard_condition(self, _: 'WakingNode') -> None:
        self.conditions -= 1

    def spin_once(self) -> None:
        assert self.woken.wait(40)
        self.woken.clear()
        self.callback()


def outcome(pending: Pending, node: WakingNode) -> Reading:
    """Return the reading, or raise what is wrong, once ``pending`` is done."""
    found = []
    pending.then = found.append
    while not found:
        node.spin_once()
    return found[0]()


def decompressed(msg: Any) -> tuple[np.ndarray, str]:
    """Return pixels and encoding of a CompressedImage, all in this process."""
    job = job_of(msg, input_config().limits)
    data = np.frombuffer(job.data, np.uint8)
    pixels = decoded(data, job.codec, job.width, job.height, job.quantised)
    assert pixels.nbytes <= job.result_bytes
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    return pixels, job.depth or encoding_of_result(job.format, pixels.dtype, channels)
