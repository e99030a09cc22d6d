"""The picture of the whole run: who was alive, how long it took, how right it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from robustseg_core.files import replacing
from robustseg_ros.demo.figures import Clockwork
from robustseg_ros.demo.records import Moment, Recording, alive_spans
from robustseg_ros.demo.schedule import NS, Schedule, condition_at
from robustseg_ros.demo.scoring import FrameScore, pooled

COLOURS = {'alive': '#2a9d5c', 'dead': '#d1495b'}
SAID = {'alive': '#9bd4b4', 'never_seen': '#c9ccd1', 'unknown': '#c9ccd1'}
SAID_DEAD = '#efa9b2'
STUDENT, TEACHER, LATENCY = '#1f5fa8', '#e07a1f', '#5b5f66'
NIGHT = '#e4e7f0'
# Frames over which the curves of mIoU are pooled, to either side.
_SPREAD = 3


def draw_timeline(
    path: Path,
    recording: Recording,
    moments: Sequence[Moment],
    scores: Sequence[FrameScore],
    latencies: Mapping[int, float],
    schedule: Schedule,
    clock: Clockwork,
) -> None:
    """Draw the run as a PNG."""
    figure = Figure(figsize=(12, 7.2), dpi=100, layout='constrained')
    FigureCanvasAgg(figure)
    sensors, latency, miou = figure.subplots(
        3, 1, sharex=True, gridspec_kw={'height_ratios': [1.25, 1, 1.5]}
    )
    for axes in (sensors, latency, miou):
        _shade_nights(axes, schedule)
        axes.spines[['top', 'right']].set_visible(False)
        axes.grid(visible=True, axis='y', color='#e6e6e6', linewidth=0.6)
        axes.set_axisbelow(True)
    _draw_sensors(sensors, recording, schedule, clock)
    _draw_latency(latency, latencies, schedule)
    _draw_miou(miou, moments, scores, clock, schedule)
    for axes in (latency, miou):
        for outage in schedule.outages:
            axes.axvline(outage.start_ns / NS, color='#b8bcc4', linewidth=0.8, linestyle=':')
    miou.set_xlim(0, schedule.end_ns / NS)
    miou.set_xlabel('seconds of the drive')
    with replacing(path) as partial:
        figure.savefig(partial, format='png')


def _shade_nights(axes: Axes, schedule: Schedule) -> None:
    for begin, end, condition in _stretches(schedule):
        if condition == 'night':
            axes.axvspan(begin, end, color=NIGHT, linewidth=0, zorder=0)


def _stretches(schedule: Schedule) -> list[tuple[float, float, str]]:
    found: list[tuple[float, float, str]] = []
    for index in range(schedule.frames):
        begin, end = (n * schedule.period_ns / NS for n in (index, index + 1))
        condition = condition_at(index, schedule.frames)
        if found and found[-1][2] == condition:
            found[-1] = (found[-1][0], end, condition)
        else:
            found.append((begin, end, condition))
    return found


def _draw_sensors(axes: Axes, recording: Recording, schedule: Schedule, clock: Clockwork) -> None:
    end_s = schedule.end_ns / NS
    said = [report for report in recording.said if clock.drive_s(report.wall_s) < end_s]
    for row, name in enumerate(schedule.names):
        begins = [index * schedule.period_ns for index in range(schedule.frames)]
        period_s = schedule.period_ns / NS
        for alive in (True, False):
            bars = [(ns / NS, period_s) for ns in begins if schedule.sends(name, ns) == alive]
            colour = COLOURS['alive' if alive else 'dead']
            axes.broken_barh(bars, (row - 0.36, 0.40), color=colour, linewidth=0)
        for begin_wall, end_wall, state in alive_spans(said, name, clock.wall(schedule.end_ns)):
            begin = max(0.0, clock.drive_s(begin_wall))
            width = clock.drive_s(end_wall) - begin
            if width > 0:
                colour = SAID.get(state, SAID_DEAD)
                axes.broken_barh([(begin, width)], (row + 0.1, 0.24), color=colour, linewidth=0)
    axes.set_yticks(range(len(schedule.names)), [_title(name) for name in schedule.names])
    axes.set_ylim(len(schedule.names) - 0.45, -0.55)
    axes.tick_params(axis='y', length=0)
    axes.grid(visible=False)
    for begin, end, condition in _stretches(schedule):
        axes.text((begin + end) / 2, -0.6, condition, ha='center', va='bottom', color='#5b5f66')
    axes.set_title(
        'Who sends (upper bar) and what the node says about it (lower bar)',
        loc='left',
        fontsize=11,
        pad=20,
    )
    axes.legend(
        handles=[
            Patch(color=COLOURS['alive'], label='alive'),
            Patch(color=COLOURS['dead'], label='dead'),
        ],
        loc='lower right',
        bbox_to_anchor=(1, 1.08),
        ncols=2,
        frameon=False,
    )


def _draw_latency(axes: Axes, latencies: Mapping[int, float], schedule: Schedule) -> None:
    seconds = [index * schedule.period_ns / NS for index in latencies]
    axes.scatter(seconds, list(latencies.values()), s=9, color=LATENCY, linewidth=0)
    axes.set_ylim(bottom=0)
    axes.set_ylabel('ms')
    axes.set_title('Latency of each mask, from its leading input', loc='left', fontsize=11)


def _draw_miou(
    axes: Axes,
    moments: Sequence[Moment],
    scores: Sequence[FrameScore],
    clock: Clockwork,
    schedule: Schedule,
) -> None:
    seconds = [(score.stamp_ns - clock.first_ns) / NS for score in scores]
    curves: list[tuple[str, str, Any]] = [
        ('student (the node)', STUDENT, [score.student for score in scores]),
        ('teacher without dropout', TEACHER,
         [score.teacher for score in scores]),
    ]  # fmt: skip
    for label, colour, confusions in curves:
        each = [confusion.mean_iou() for confusion in confusions]
        axes.scatter(seconds, each, s=7, color=colour, alpha=0.35, linewidth=0)
        smooth = [pooled(confusions[n] for n in _alike(scores, at)) for at in range(len(scores))]
        axes.plot(seconds, smooth, color=colour, linewidth=1.8, label=label)
    lost = [
        (moment.stamp_ns - clock.first_ns) / NS
        for moment in moments
        if moment.mask is None and moment.published
    ]
    axes.scatter(
        lost, [0] * len(lost), marker='|', s=60, color='#202225', label='no mask', clip_on=False
    )
    axes.set_ylim(0, 112)  # room for the names of the dead
    axes.set_yticks(range(0, 101, 20))
    axes.set_ylabel('%')
    axes.set_title(
        f'mIoU per frame (dots) and over {2 * _SPREAD + 1} frames (lines)',
        loc='left',
        fontsize=11,
    )
    axes.legend(loc='upper right', ncols=3, frameon=False, bbox_to_anchor=(1, 1.2))
    for outage in schedule.outages:
        dead = '+'.join(_title(name) for name in outage.names)
        place = (outage.start_ns / NS, 104)
        axes.annotate(f'\u2212{dead}', place, (2, 0), textcoords='offset points', fontsize=8)


def _alike(scores: Sequence[FrameScore], at: int) -> list[int]:
    """Return the indices around ``at`` with the same sensors in use, so that deaths stay sharp."""
    around = range(max(0, at - _SPREAD), min(len(scores), at + _SPREAD + 1))
    return [index for index in around if scores[index].used == scores[at].used]


def _title(name: str) -> str:
    return {'rgb': 'RGB', 'lidar': 'LiDAR'}.get(name, name.capitalize())
