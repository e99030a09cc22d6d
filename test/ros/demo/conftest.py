"""A made-up drive of ten seconds: two sensors, and a node that does what it should."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.modalities import IMAGENET, UNIT, Modality, ModalitySet
from robustseg_ros.demo.figures import Clockwork
from robustseg_ros.demo.records import MaskSeen, Recording, Said, Sent
from robustseg_ros.demo.schedule import NS, Outage, Schedule
from robustseg_ros.demo.scoring import FrameScore

PERIOD_NS = NS // 10
FIRST_NS = 1_700_000_000 * NS
WALL_S = 500.0
LATENCY_S = 0.03
LABELS = np.array([[0, 1], [1, 0]], np.uint8)


@dataclass
class Run:
    """The parts of a run; ``unmade`` are the indices of frames without a mask."""

    schedule: Schedule
    clock: Clockwork
    recording: Recording = field(default_factory=Recording)
    scores: list[FrameScore] = field(default_factory=list)


@pytest.fixture
def modalities():
    return ModalitySet(
        (Modality('rgb', 'R', 'rgb', IMAGENET), Modality('lidar', 'L', 'rgb', UNIT))
    )


@pytest.fixture
def schedule():
    """RGB is silent from 2 s to 4 s, LiDAR from 8 s to the end."""
    outages = (
        Outage(('rgb',), 20 * PERIOD_NS, 40 * PERIOD_NS),
        Outage(('lidar',), 80 * PERIOD_NS, 100 * PERIOD_NS),
    )
    return Schedule(('rgb', 'lidar'), outages, PERIOD_NS, 100)


@pytest.fixture
def make_run(schedule):
    """Make a run of which the frames ``unmade`` gave no mask."""

    def make(unmade=(0, 20, 21)):
        clock = Clockwork(
            first_ns=FIRST_NS,
            wall_s=WALL_S,
            rate=1.0,
            timeout_ns=NS // 4,
            recovery_frames=2,
        )
        run = Run(schedule, clock)
        for index in range(schedule.frames):
            time_ns = index * PERIOD_NS
            stamp_ns, wall_s = FIRST_NS + time_ns, WALL_S + time_ns / NS
            for place, name in enumerate(schedule.names):
                shown = schedule.sends(name, time_ns)
                run.recording.sent.append(Sent(name, stamp_ns, wall_s + 0.001 * place, shown))
            if index in unmade:
                continue
            run.recording.masks.append(MaskSeen(stamp_ns, wall_s + LATENCY_S, LABELS))
            run.scores.append(frame_score(stamp_ns, schedule.alive(time_ns)))
        for wall_s, rgb, lidar in (
            (499.5, 'never_seen', 'never_seen'),
            (500.11, 'alive', 'alive'),
            (502.16, 'stale', 'alive'),
            (504.11, 'alive', 'alive'),
            (508.17, 'alive', 'stale'),
        ):
            states = {'rgb': rgb, 'lidar': lidar}
            run.recording.said.append(Said(wall_s, states, {'dropped_busy': '0'}, 'masks'))
        return run

    return make


def frame_score(stamp_ns, used, student=LABELS, teacher=None):
    """Score of a frame whose truth is ``LABELS``; the teacher calls everything class 0."""
    confusions = []
    for predicted in (student, np.zeros_like(LABELS) if teacher is None else teacher):
        confusion = Confusion(2)
        confusion.update(predicted, LABELS)
        confusions.append(confusion)
    return FrameScore(stamp_ns, tuple(used), 1.0, *confusions)
