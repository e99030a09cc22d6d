"""What the node costs beside the network: ``python -m robustseg_ros.demo.benchmark``.

Replays synthetic streets of several sizes to the node in a process of its own, slowly enough that
no frame is dropped, and prints what the node reports on /diagnostics: medians over the last 100
frames of the time in the network and of all the rest (reading messages, drawing the network's
images, normalising the mask into a message, publishing).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory

from robustseg_core.errors import RobustSegError
from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros import transport
from robustseg_ros.bags.convert import main as convert
from robustseg_ros.bags.play_options import PlayOptions
from robustseg_ros.bags.player import BagPlayer
from robustseg_ros.demo.drive import CAMERA_INFO, TOPICS
from robustseg_ros.demo.node_process import NodeProcess, node_environment
from robustseg_ros.demo.replay import CLOCK_HZ, MATCH_S, Listener, wait_until_ready
from robustseg_ros.demo.run import node_parameters

HEADER = (
    '| mask | frames in | masks out | latency p50 (ms) | network p50 (ms) | the rest p50 (ms) |\n'
    '|---|---|---|---|---|---|\n'
)
VALUES = ('latency_ms_p50', 'model_ms_p50', 'overhead_ms_p50')
RATE_HZ = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_ros.demo.benchmark', description=__doc__.split('\n\n')[0]
    )
    parser.add_argument('--sizes', type=int, nargs='+', default=[256, 512, 1024])
    parser.add_argument('--seconds', type=int, default=10, help='length of each replay')
    parser.add_argument('--checkpoint', type=Path, default=checkpoint_path('streets_student'))
    args = parser.parse_args(argv)
    sys.stdout.write(HEADER)
    try:
        for size in args.sizes:
            sys.stdout.write(_row(size, args.seconds, args.checkpoint) + '\n')
            sys.stdout.flush()
    except RobustSegError as error:
        sys.stderr.write(f'{parser.prog}: {error}\n')
        return 1
    return 0


def _row(size: int, seconds: int, checkpoint: Path) -> str:
    domain = 1 + os.getpid() % 100
    environment = node_environment(domain, transport.environment())
    os.environ.update(environment)
    with TemporaryDirectory() as folder:
        bag = Path(folder) / 'streets.mcap'
        options = ['--seconds', str(seconds), '--rate', str(RATE_HZ), '--size', str(size)]
        if convert(['streets', str(bag), *options, '--quiet']) != 0:
            msg = f'The bag of {size} x {size} could not be written.'
            raise RobustSegError(msg)
        # Four frames a second: the sensors must not be taken for dead.
        parameters = node_parameters(checkpoint)
        parameters.update({f'{name}.timeout': 2.0 for name in TOPICS})
        with (
            Listener(domain) as listener,
            NodeProcess(parameters, Path(folder), environment) as node,
        ):
            wait_until_ready(listener, node.check)
            player = BagPlayer(
                bag,
                listener.node,
                PlayOptions(
                    topics=(*TOPICS.values(), CAMERA_INFO),
                    clock_hz=CLOCK_HZ,
                    wait_for_subscribers_s=MATCH_S,
                ),
            )
            try:
                player.play()
            finally:
                player.close()
            node.check()
        values = listener.recording.said[-1].values
        figures = [f'{float(values[name]):.1f}' for name in VALUES]
        masks = len(listener.recording.masks)
        cells = [f'{size} x {size}', str(seconds * RATE_HZ), str(masks), *figures]
        return '| ' + ' | '.join(cells) + ' |'


if __name__ == '__main__':
    sys.exit(main())
