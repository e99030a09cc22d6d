"""The demo from beginning to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from robustseg_core.errors import RobustSegError
from robustseg_core.files import replace_file, replacing
from robustseg_core.runtime.engine import Engine
from robustseg_ros.bags.channels import CAMERA_INFO
from robustseg_ros.demo.drive import (
    RATE_HZ,
    SIDE,
    TOPICS,
    camera_from_lidar,
    first_stamp_ns,
    read_drive,
    write_drive,
)
from robustseg_ros.demo.figures import Clockwork, latencies_ms
from robustseg_ros.demo.film import Film, Scene, draw_still
from robustseg_ros.demo.node_process import NodeProcess, node_environment
from robustseg_ros.demo.records import Moment, Recording, moments, wall_of_start
from robustseg_ros.demo.replay import Listener, play, wait_until_ready
from robustseg_ros.demo.schedule import NS, Schedule, condition_at, default_schedule, still_indices
from robustseg_ros.demo.scoring import FrameScore, Judge
from robustseg_ros.demo.summary import machine, story, summarise, versions
from robustseg_ros.demo.timeline import draw_timeline
from robustseg_ros.node import transport

# Two frames and a half, so that a frame that is a little late does not decide anything.
TIMEOUT_S = 0.25
RECOVERY_FRAMES = 2
MAX_WAIT_S = 0.05
RATES = (1.0, 0.5, 0.25, 0.1)
# What the node does beside the network, and moments when the machine has other things to do.
_MARGIN = 1.3
_TRIALS = 7
BAG, FILM, STILL = 'drive.mcap', 'demo.gif', 'still.png'
TIMELINE, SUMMARY = 'timeline.png', 'summary.json'


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What a user may choose.

    Attributes:
        out: Folder for everything the demo leaves.
        seconds: Length of the drive.
        seed: Of the drive.
        rate: Seconds of the drive per second; None for what the machine can keep up with.
        student: Checkpoint of the node.
        teacher: Checkpoint to compare with.
        keep_bag: Whether the bag is left, too.
        progress: Whether to show progress bars.
    """

    out: Path
    seconds: float = 20.0
    seed: int = 7
    rate: float | None = None
    student: Path
    teacher: Path
    keep_bag: bool = False
    progress: bool = True


def run(options: DemoOptions) -> list[str]:
    """Do everything; return what there is to say.

    Raises:
        RobustSegError: Something is missing, the node has died, or nothing came.
    """
    schedule = default_schedule(options.seconds, RATE_HZ, TOPICS)
    torch.set_num_threads(threads())
    # Before anything takes time: a checkpoint that cannot be read is known at once.
    student = Engine.from_checkpoint(options.student)
    teacher = Engine.from_checkpoint(options.teacher)
    bag = options.out / BAG
    options.out.mkdir(parents=True, exist_ok=True)
    write_drive(bag, seed=options.seed, seconds=options.seconds, progress=options.progress)
    rate = options.rate or fitting_rate(frame_seconds(student), schedule.period_ns / NS)
    recording = _replay(bag, schedule, rate, options)
    if not recording.masks:
        msg = f'The node published no mask; see {options.out / "node.log"}.'
        raise RobustSegError(msg)
    first_ns = first_stamp_ns(bag)
    clock = Clockwork(
        first_ns=first_ns,
        wall_s=wall_of_start(recording.sent, first_ns, rate),
        rate=rate,
        timeout_ns=round(TIMEOUT_S * NS),
        recovery_frames=RECOVERY_FRAMES,
    )
    frames = moments(recording)
    scores = _review(bag, frames, schedule, student, teacher, options)
    if not options.keep_bag:
        bag.unlink()
    latencies = latencies_ms(frames, {score.stamp_ns: score for score in scores})
    draw_timeline(options.out / TIMELINE, recording, frames, scores, latencies, schedule, clock)
    summary = {
        **summarise(recording, frames, scores, schedule, clock, student.modalities),
        'drive': {'seed': options.seed, 'seconds': options.seconds, 'hz': RATE_HZ},
        'rate': rate,
        'checkpoint': options.student.name,
        'teacher': options.teacher.name,
        'machine': machine(),
        'versions': versions(),
    }
    replace_file(options.out / SUMMARY, json.dumps(summary, indent=2) + '\n')
    names = (FILM, STILL, TIMELINE, SUMMARY)
    return story(summary, [options.out / name for name in names])


def threads() -> int:
    """Return how many threads a network gets: the sensors and the listener need the rest."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def frame_seconds(engine: Engine) -> float:
    """Measure how long a frame of all sensors takes on this machine."""
    engine.warm_up(SIDE, SIDE)
    images = dict.fromkeys(engine.modalities.names, np.ones((SIDE, SIDE, 3), np.uint8))
    seconds = []
    for stamp_ns in range(_TRIALS):
        begin = perf_counter()
        for name, image in images.items():
            engine.observe(name, image, stamp_ns)
        engine.segment(dict.fromkeys(images, stamp_ns), (SIDE, SIDE))
        seconds.append(perf_counter() - begin)
    return median(seconds)


def fitting_rate(frame_s: float, period_s: float) -> float:
    """Return the largest rate of replay at which frames come no faster than they are done."""
    fitting = (rate for rate in RATES if frame_s * _MARGIN <= period_s / rate)
    return next(fitting, RATES[-1])


def node_parameters(student: Path) -> dict[str, Any]:
    """Return the parameters of the demo's node."""
    parameters: dict[str, Any] = {
        'use_sim_time': True,
        'checkpoint': str(student.absolute()),
        'device': 'cpu',
        'modalities': list(TOPICS),
        'camera_info_topic': CAMERA_INFO.topic,
        'sync.max_wait': MAX_WAIT_S,
        'diagnostics.period': 0.25,
    }
    for name, topic in TOPICS.items():
        parameters[f'{name}.topic'] = topic
        parameters[f'{name}.type'] = 'points' if name == 'lidar' else 'image'
        parameters[f'{name}.timeout'] = TIMEOUT_S
        parameters[f'{name}.recovery_frames'] = RECOVERY_FRAMES
    matrix = [float(value) for value in camera_from_lidar().ravel()]
    parameters['lidar.camera_from_sensor'] = matrix
    return parameters


def _replay(bag: Path, schedule: Schedule, rate: float, options: DemoOptions) -> Recording:
    # Demos that run at the same time do not hear each other.
    domain = 1 + os.getpid() % 100
    environment = node_environment(domain, transport.environment())
    environment.setdefault('OMP_NUM_THREADS', str(threads()))
    os.environ.update(environment)  # this process publishes and listens by the same rules
    parameters = node_parameters(options.student)
    with (
        Listener(domain) as listener,
        NodeProcess(parameters, options.out, environment) as node,
        tqdm(
            total=schedule.frames, desc='replay', unit='frame', disable=not options.progress
        ) as bar,
    ):
        bar.set_postfix_str('waiting for the node')
        wait_until_ready(listener, node.check)

        def progress(index: int) -> None:
            alive = schedule.alive(index * schedule.period_ns)
            bar.set_postfix_str(' '.join(alive), refresh=False)
            bar.update(index + 1 - bar.n)

        play(bag, schedule, listener, rate=rate, check=node.check, on_progress=progress)
    return listener.recording


def _review(
    bag: Path,
    frames: Sequence[Moment],
    schedule: Schedule,
    student: Engine,
    teacher: Engine,
    options: DemoOptions,
) -> list[FrameScore]:
    """Score every mask, and draw the film and the still on the way; the bag is read once."""
    judge, film = Judge(student, teacher), Film(student.labels)
    scores: list[FrameScore] = []
    stills: list[Scene] = []
    wanted = still_indices(schedule)
    by_stamp = {moment.stamp_ns: moment for moment in frames}
    drive = read_drive(bag, student.modalities, student.network_size(SIDE, SIDE))
    for frame in tqdm(
        drive, total=schedule.frames, desc='scores', unit='frame', disable=not options.progress
    ):
        moment = by_stamp[frame.stamp_ns]
        used: tuple[str, ...] = ()
        if moment.mask is not None:
            images = {name: frame.images[name] for name in TOPICS if name in moment.published}
            score = judge.score(frame.stamp_ns, images, moment.mask.class_ids, frame.truth)
            scores.append(score)
            used = score.used
        scene = Scene(
            time_s=moment.index * schedule.period_ns / NS,
            condition=condition_at(moment.index, schedule.frames),
            images={name: frame.images[name] for name in TOPICS},
            alive=tuple(moment.published),
            used=used,
            class_ids=None if moment.mask is None else moment.mask.class_ids,
        )
        film.add(scene)
        if moment.index in wanted:
            stills.append(scene)
    film.save(options.out / FILM, schedule.period_ns / NS)
    with replacing(options.out / STILL) as partial:
        draw_still(stills, student.labels).save(partial, format='PNG', optimize=True)
    return scores
