"""The real node under a steady load, and what it holds meanwhile; for commands and tests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros.demo.node_process import NodeProcess, node_environment
from robustseg_ros.demo.replay import Listener, wait_until_ready
from robustseg_ros.demo.rig import INPUTS, Rig, Shot, rig
from robustseg_ros.demo.warming import wait_for_match, warm_up
from robustseg_ros.node import transport

SEGMENT = 'segment'


class Held(NamedTuple):
    """What a process holds.

    Attributes:
        resident_mb: Of memory.
        threads: Of the process.
        files: Open ones, sockets included.
        entities: Publishers and subscriptions in its domain, the listener's included.
    """

    resident_mb: float
    threads: int
    files: int
    entities: int


@dataclass(frozen=True)
class Load:
    """A node at work on all four sensors of a rig."""

    listener: Listener
    sensors: Rig
    node: NodeProcess

    def held(self) -> Held:
        """Return what the node holds just now (Linux: proc(5))."""
        proc = Path(f'/proc/{self.node.pid}')
        pages = int((proc / 'statm').read_text().split()[1])
        graph = self.listener.node
        topics = [name for name, _ in graph.get_topic_names_and_types()]
        return Held(
            resident_mb=pages * os.sysconf('SC_PAGE_SIZE') / 1e6,
            threads=len(list((proc / 'task').iterdir())),
            files=len(list((proc / 'fd').iterdir())),
            entities=sum(graph.count_publishers(t) + graph.count_subscribers(t) for t in topics),
        )

    def latencies_ms(self, shots: Sequence[Shot]) -> list[tuple[float, float]]:
        """Return for each mask of ``shots`` when its last message was sent, and how long ago."""
        sent = {shot.stamp_ns: max(shot.published_s.values()) for shot in shots}
        return [
            (sent[mask.stamp_ns], (mask.wall_s - sent[mask.stamp_ns]) * 1000)
            for mask in self.listener.recording.masks
            if mask.stamp_ns in sent
        ]


@contextmanager
def loaded(size: int, hz: float, checkpoint: Path | None = None, **more: Any) -> Iterator[Load]:
    """Give a node that segments pictures of ``size`` from all sensors at ``hz``, warmed up.

    Args:
        size: Height and width of the pictures.
        hz: Frames a second while it warms up.
        checkpoint: Of the node; None = the package's own student.
        more: Parameters of the node; ``__`` stands for a dot.
    """
    domain = 1 + os.getpid() % 100
    environment = node_environment(domain, transport.environment())
    os.environ.update(environment)
    parameters = {
        'checkpoint': str(checkpoint or checkpoint_path('streets_student')),
        'device': 'cpu',
        'diagnostics.period': 0.5,
        **{f'{name}.topic': topic for name, topic in INPUTS.items()},
        **{f'{name}.type': 'image' for name in INPUTS},
        **{name.replace('__', '.'): value for name, value in more.items()},
    }
    with (
        TemporaryDirectory() as folder,
        Listener(domain, keep_pixels=False) as listener,
        rig(listener.node, size, tuple(INPUTS)) as sensors,
        NodeProcess(parameters, Path(folder), environment) as node,
    ):
        wait_until_ready(listener, node.check)
        wait_for_match(sensors, node)
        warm_up(sensors, listener, node, hz, 0.0)
        yield Load(listener, sensors, node)


def percentile(numbers: Sequence[float], share: float) -> float:
    """Return a percentile, NaN of nothing."""
    return float(np.percentile(numbers, share)) if len(numbers) else float('nan')
