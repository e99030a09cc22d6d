"""What the demo leaves for machines (summary.json) and says to people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
import os
from pathlib import Path
import platform
from typing import Any

import torch

from robustseg_core.modalities import ModalitySet
from robustseg_ros.demo.figures import (
    Clockwork,
    dropouts,
    latencies_ms,
    longest_gap_s,
    losses,
    miou_tables,
    percentiles,
    rounded,
)
from robustseg_ros.demo.records import Moment, Recording, stray_masks
from robustseg_ros.demo.schedule import NS, Schedule
from robustseg_ros.demo.scoring import SAME, FrameScore

_PACKAGES = ('robustseg_ros', 'torch', 'numpy', 'rclpy', 'ros-kilted-rclpy', 'rosbags')


def summarise(
    recording: Recording,
    moments: Sequence[Moment],
    scores: Sequence[FrameScore],
    schedule: Schedule,
    clock: Clockwork,
    modalities: ModalitySet,
) -> dict[str, Any]:
    """Return the figures of a run; ``summary.json`` without what is known beforehand."""
    arrivals = sorted(mask.wall_s for mask in recording.masks)
    lost = losses(moments, schedule, clock)
    by_stamp = {score.stamp_ns: score for score in scores}
    last = recording.said[-1].values if recording.said else {}
    ends = (arrivals[0], arrivals[-1]) if arrivals else (0.0, 0.0)
    return {
        'frames_in': sum(bool(moment.published) for moment in moments),
        'masks_out': len(recording.masks),
        'stray_masks': stray_masks(recording),
        'longest_gap_s': rounded(longest_gap_s(arrivals, *ends)),
        'latency_ms': percentiles(latencies_ms(moments, by_stamp).values()),
        'latency_is': 'from the publication of the leading input to the arrival of the mask',
        'lost_at_start': len(lost.at_start),
        'lost_within_timeout': len(lost.within_timeout),
        'lost_after_timeout': len(lost.after_timeout),
        'lost_after_timeout_at_s': [
            rounded((moment.stamp_ns - clock.first_ns) / NS) for moment in lost.after_timeout
        ],
        'timeout_s': clock.timeout_ns / NS,
        'recovery_frames': clock.recovery_frames,
        'dropouts': dropouts(moments, recording.said, schedule, clock),
        **miou_tables(scores, modalities),
        'masks_repeated_offline': sum(score.agreement >= SAME for score in scores),
        'node_dropped': {k: v for k, v in sorted(last.items()) if k.startswith('dropped_')},
    }


def machine() -> dict[str, Any]:
    """Describe the machine, as far as it bears on the figures."""
    return {
        'system': platform.platform(),
        'processor': _processor(Path('/proc/cpuinfo')),
        'cores': os.cpu_count(),
        'torch_threads': torch.get_num_threads(),
        'python': platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that do the work, those that are installed."""
    installed = {item.name: item.version for item in metadata.distributions()}
    return {name: installed[name] for name in _PACKAGES if name in installed}


def story(summary: Mapping[str, Any], places: Iterable[Path]) -> list[str]:
    """Say in a few lines what was seen and where to look."""
    latency, one = summary['latency_ms'], summary['any_one_sensor_dead']
    worst = max(
        (drop for drop in summary['dropouts'] if drop['gap_s'] is not None),
        key=lambda drop: drop['gap_s'],
        default=None,
    )
    lines = [
        f'{summary["frames_in"]} frames in, {summary["masks_out"]} masks out; '
        f'latency p50 {latency["p50"]} ms, p99 {latency["p99"]} ms.',
    ]
    if worst is not None:
        lines.append(
            f'{len(summary["dropouts"])} drop-outs; the longest gap after one was '
            f'{worst["gap_s"]:.2f} s ({" and ".join(worst["sensors"])} died; '
            f'timeout {summary["timeout_s"]:g} s).'
        )
    lines.append(
        f'Frames lost: {summary["lost_at_start"]} at the start, '
        f'{summary["lost_within_timeout"]} within timeout + one frame of a drop-out, '
        f'{summary["lost_after_timeout"]} later.'
    )
    if summary['lost_after_timeout']:
        lines.append(f'That should be 0. The node says: {summary["node_dropped"]}.')
    if one['miou'] is not None:
        lines.append(
            f'mIoU with any one sensor dead: {one["miou"]:.1f} % '
            f'(the teacher trained without dropout: {one["teacher_miou"]:.1f} %).'
        )
    lines += _table(summary)
    lines.append(f'Look at {", ".join(str(place) for place in places)}.')
    return lines


def _table(summary: Mapping[str, Any]) -> list[str]:
    groups = summary['frames']
    if not groups:
        return []
    rows = [
        ('sensors', list(groups)),
        ('frames', [str(count) for count in groups.values()]),
        ('mIoU', [_percent(summary['miou'][key]) for key in groups]),
        ('teacher', [_percent(summary['teacher_miou'][key]) for key in groups]),
    ]
    return [
        '  '.join([f'  {title:8}', *(f'{cell:>5}' for cell in cells)]) for title, cells in rows
    ]


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'


def _processor(path: Path) -> str:
    if path.is_file():
        for line in path.read_text(errors='replace').splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()
