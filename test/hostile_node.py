"""Damaged messages sent to a running node over DDS, beside a good sensor that must not notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
import re
import sys
import tempfile
from time import monotonic
from typing import Any

from builtin_interfaces.msg import Time
from hostile_messages import FOREIGN
from mutations import mutated
from node_driver import CAMERA_FROM_LIDAR, PERIOD_S, Driver, NodeProcess, own_domain
from node_scene import Scene, tiny_model
import numpy as np
from sensor_msgs.msg import CompressedImage
from valid_messages import (
    COMPRESSED_FORMATS,
    IMAGE_ENCODINGS,
    camera_info,
    cloud,
    compressed,
    image,
)

from robustseg_core.models.checkpoint import save_model

A_FRAME = 4  # damaged messages beside each good image, one of each kind
CONTROL_FRAMES = 50
# Of the masks, and between two of them at most: beside what the same machine does when all that
# is sent is good. The second: timeout, a frame, and what a busy machine adds.
MASKS_AT_LEAST, GAP_S = 0.9, 1.0
GROWTH_MB = 300.0  # of the node, at most, once it has seen a tenth of them


def run_node(count: int, seed: int) -> int:
    """Send ``count`` damaged messages; print what came of them, and return 1 if it is bad."""
    with tempfile.TemporaryDirectory() as folder:
        run = NodeRun(Path(folder), seed)
        try:
            run.send(count)
        finally:
            code = run.stop()
        faults = run.faults(code)
        sys.stdout.write(run.report() + ''.join(f'\nFAULT: {fault}' for fault in faults) + '\n')
        return int(bool(faults))


@dataclass
class Rhythm:
    """Masks beside the good images they are made of.

    Attributes:
        good: How many images were sent.
        times: When the first was sent, and when each mask came.
    """

    good: int = 0
    times: list[float] = field(default_factory=lambda: [monotonic()])

    @property
    def share(self) -> float:
        """Masks by image."""
        return (len(self.times) - 1) / max(1, self.good)

    @property
    def longest_gap_s(self) -> float:
        """The longest time without a mask."""
        return float(np.diff(self.times).max(initial=0.0))

    def __str__(self) -> str:
        gap_ms = self.longest_gap_s * 1000
        return f'{len(self.times) - 1} masks of {self.good} images, {gap_ms:.0f} ms at most apart'


class NodeRun:
    """A node with one good input, rgb, and three that get damaged messages, and so its camera.

    Args:
        folder: For its checkpoint and its log.
        seed: Of the messages.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        model = tiny_model()
        save_model(model, folder / 'tiny.safetensors')
        self._seed = seed
        self._scene = Scene(model, seed=1)
        domain = own_domain()
        parameters = {
            'checkpoint': folder / 'tiny.safetensors',
            'device': 'cpu',
            'backend': 'torch',
            'diagnostics.period': 0.2,
            'depth.type': 'compressed_image',
            'lidar.camera_from_sensor': [float(v) for v in CAMERA_FROM_LIDAR.ravel()],
            **{f'{name}.timeout': 0.5 for name in Driver.TYPES},
        }
        self.process = NodeProcess(folder, domain, parameters)
        self._driver = Driver(domain, self._scene, self.process)
        node, topics = self._driver.node, Driver.TOPICS
        node.destroy_publisher(self._driver.publishers['depth'])
        self._hostile = {
            'Image': self._driver.publishers['event'],
            'CompressedImage': node.create_publisher(CompressedImage, topics['depth'], 5),
            'PointCloud2': self._driver.publishers['lidar'],
            'CameraInfo': self._driver.camera_info,
        }
        self.sent: Counter[str] = Counter()
        self.control = self.rhythm = Rhythm()
        self.dropped = ''
        self.memory_mb: list[float] = []
        self.log = ''
        self.stop_s = 0.0
        self.refused: dict[str, int] = {}

    def send(self, count: int) -> None:
        """Send good images at their rhythm, and damaged messages beside them."""
        driver = self._driver
        driver.settle('REL', timeout_s=60)
        good = ('rgb', 'event', 'lidar')
        self.control = self._frames(CONTROL_FRAMES, lambda _: driver.publish(good))
        self.rhythm = self._frames(count // A_FRAME, self._send_frame)
        drops = ('busy', 'late', 'old', 'unmatched')
        self.dropped = ', '.join(
            f'{cause} {value}' for cause in drops if (value := driver.value(f'dropped_{cause}'))
        )

    def _frames(self, count: int, send: Callable[[int], object]) -> Rhythm:
        """Have ``send`` send each of ``count`` frames; return the rhythm of the masks."""
        driver = self._driver
        driver.forget_masks()
        rhythm, due_s = Rhythm(), monotonic()
        for number in range(count):
            send(number)
            rhythm.good += 1
            due_s += 2 * PERIOD_S
            self._listen(rhythm, due_s)
            self.memory_mb.append(_memory_mb(self.process.process.pid))
        self._listen(rhythm, due_s + 1.0)
        return rhythm

    def _listen(self, rhythm: Rhythm, until_s: float) -> None:
        """Note when masks come, until a moment of steady time."""
        while (left_s := until_s - monotonic()) > 0:
            self._driver.executor.spin_once(timeout_sec=left_s)
            rhythm.times += [monotonic()] * len(self._driver.masks)
            self._driver.masks.clear()

    def _send_frame(self, frame: int) -> None:
        self._driver.publish(['rgb'])
        for place in range(A_FRAME):
            self._send_damaged(frame * A_FRAME + place)

    def stop(self) -> int:
        """Ask the node to end, and return its exit status."""
        for name in Driver.TYPES:
            self.refused[name] = int(self._driver.value('refused', name) or 0)
        start_s = monotonic()
        code = self.process.stop()
        self.stop_s = monotonic() - start_s
        self.log = self.process.log()
        self._driver.close()
        return code

    def faults(self, code: int) -> list[str]:
        """Return what is not as it must be."""
        faults = []
        if code != 0:
            faults.append(f'exit status {code}: {self.log[-2000:]}')
        if FOREIGN in self.log or 'Traceback' in self.log:
            lines = [line for line in self.log.splitlines() if FOREIGN in line or 'Error' in line]
            faults.append(f'foreign exceptions: {lines[:10]}')
        if self.rhythm.share < MASKS_AT_LEAST * self.control.share:
            faults.append(f'{self.rhythm}; without damage {self.control}')
        if self.rhythm.longest_gap_s > GAP_S + self.control.longest_gap_s:
            faults.append(f'{self.rhythm.longest_gap_s:.2f} s without a mask')
        if self.stop_s > 2.0:
            faults.append(f'SIGINT ended it after {self.stop_s:.1f} s')
        if self.memory_mb[-1] > self.memory_mb[len(self.memory_mb) // 10] + GROWTH_MB:
            faults.append(f'memory grew to {self.memory_mb[-1]:.0f} MB')
        if self.refused['rgb']:
            lines = [line for line in self.log.splitlines() if ' rgb: ' in line]
            faults.append(f'{self.refused["rgb"]} good images were refused: {lines[-5:]}')
        if not all(self.refused[name] > 0 for name in ('depth', 'event', 'lidar')):
            faults.append(f'refused: {self.refused}')
        return faults

    def report(self) -> str:
        """Return in words what came of the messages."""
        first, last = self.memory_mb[len(self.memory_mb) // 10], self.memory_mb[-1]
        return (
            f'sent {dict(self.sent)}; refused {self.refused}; {self.rhythm} (without damage '
            f'{self.control}); dropped: {self.dropped}; memory {first:.0f} MB after a tenth, '
            f'{last:.0f} MB at the end, {max(self.memory_mb):.0f} MB at most; ended '
            f'{self.stop_s:.2f} s after SIGINT'
        )

    def _send_damaged(self, number: int) -> None:
        rng = np.random.default_rng((self._seed, number))
        kind = list(self._hostile)[number % A_FRAME]
        message = mutated(_good(kind, rng), rng)
        if rng.random() < 0.8:  # most are of now, so that they are used
            message.header.stamp = self._driver.stamp()
        else:  # of a time of its own: two that agree on another one are a recording's new start
            message.header.stamp = Time(sec=int(rng.integers(1 << 31)))
        self._hostile[kind].publish(message)
        self.sent[kind] += 1


def _good(kind: str, rng: np.random.Generator) -> Any:
    make, names = {
        'Image': (image, list(IMAGE_ENCODINGS)),
        'CompressedImage': (compressed, COMPRESSED_FORMATS),
        'PointCloud2': (cloud, ('float', 'double', 'ring', 'organised', 'bigendian')),
        'CameraInfo': (camera_info, ('plumb_bob', 'rational_polynomial', 'equidistant')),
    }[kind]
    return make(rng, names[rng.integers(len(names))])


def _memory_mb(pid: int) -> float:
    status = Path(f'/proc/{pid}/status').read_text(encoding='ascii')
    found = re.search(r'VmRSS:\s+(\d+)', status)
    return int(found[1]) / 1024 if found else 0.0
