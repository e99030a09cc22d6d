"""Write a data set, or the synthetic streets, as a rosbag2.

SOURCE is the word 'streets', or the folder of a KITTI drive, of DELIVER or of MUSES. OUT is a
single file where it ends in .mcap or .db3, else a folder with metadata.yaml; 'ros2 bag play OUT'
and 'python -m robustseg_ros.bags.play OUT' take either.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys

from robustseg_core.errors import DataError, RobustSegError
from robustseg_ros.bags.sources import Source, SourceOptions

STREETS = 'streets'
# Format -> what its folder holds, by which it is recognised.
MARKS = {
    'kitti': ('velodyne', 'velodyne_points', 'image_02'),
    'deliver': ('img',),
    'muses': ('frame_camera',),
}


def open_source(source: str, kind: str, options: SourceOptions) -> Source:
    """Open what a bag is to be made from.

    Args:
        source: ``streets``, or a folder.
        kind: ``streets``, ``kitti``, ``deliver``, ``muses``, or ``auto`` to look.
        options: What the user chose.

    Raises:
        DataError: It is not there, or is not of that kind.
    """
    root = Path(source)
    if kind == 'auto':
        kind = STREETS if source == STREETS else _recognise(root)
    if kind != STREETS and not root.is_dir():
        msg = f'SOURCE {source!r} is no folder; wanted {STREETS!r} or the folder of a data set.'
        raise DataError(msg)
    return _OPENERS[kind](root, options)


def convert(
    source: Source,
    out: Path,
    *,
    storage: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> int:
    """Write ``source`` as the bag ``out``, with a progress bar on stderr.

    Returns:
        The number of messages.

    Raises:
        DataError: ``out`` exists, or a file of the source cannot be read.
    """
    from tqdm import tqdm

    from robustseg_ros.bags.writer import BagWriter

    count = 0
    with BagWriter(out, storage, overwrite=overwrite) as writer:
        for index in tqdm(range(len(source)), desc=out.name, unit='frame', disable=not progress):
            for record in source.records(index):
                writer.write(record)
                count += 1
    return count


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        options = SourceOptions(
            rate_hz=args.rate,
            limit=args.limit,
            seed=args.seed,
            seconds=args.seconds,
            size=args.size,
            conditions=tuple(filter(None, args.condition.split(','))),
            split=args.split,
            scene=args.scene,
            fov_deg=args.fov,
        )
        source = open_source(args.source, args.format, options)
        for line in (source.summary, *source.notes):
            print(line)
        count = convert(
            source,
            args.out,
            storage=args.storage,
            overwrite=args.overwrite,
            progress=not args.quiet,
        )
    except RobustSegError as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f'{parser.prog} needs {error.name}: pip install {error.name}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'{parser.prog}: interrupted, nothing written.', file=sys.stderr)
        return 130
    print(f'Wrote {count} messages to {args.out}.')
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = SourceOptions()
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_ros.bags.convert', description=__doc__
    )
    parser.add_argument('source', metavar='SOURCE', help="'streets' or a data set's folder")
    parser.add_argument('out', metavar='OUT', type=Path, help='the bag: NAME.mcap or a folder')
    parser.add_argument('--format', choices=['auto', *_OPENERS], default='auto')
    parser.add_argument(
        '--storage', choices=['mcap', 'sqlite3'], help='of a folder; default: mcap'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace OUT, if it is a bag')
    parser.add_argument('--quiet', action='store_true', help='no progress bar')
    parser.add_argument('--rate', type=float, metavar='HZ', help='frames a second')
    parser.add_argument('--limit', type=int, metavar='N', help='at most N frames')
    parser.add_argument(
        '--condition',
        default='',
        metavar='A,B',
        help='streets: stretches of sun, rain, fog, night or cloud in this order, with faults as '
        'in night+motionblur; DELIVER: those wanted; default: all',
    )
    streets = parser.add_argument_group('synthetic streets')
    streets.add_argument('--seed', type=int, default=defaults.seed)
    streets.add_argument('--seconds', type=float, default=defaults.seconds)
    streets.add_argument('--size', type=int, default=defaults.size, help='pixels, both ways')
    sets = parser.add_argument_group('DELIVER and MUSES')
    sets.add_argument('--split', default=defaults.split, help='train, val or test')
    sets.add_argument('--scene', default=defaults.scene, help='only scenes with this in the name')
    sets.add_argument(
        '--fov', type=float, default=defaults.fov_deg, help="degrees, of DELIVER's camera"
    )
    return parser


def _recognise(root: Path) -> str:
    if not root.is_dir():
        msg = f'SOURCE {str(root)!r} is no folder; wanted {STREETS!r} or the folder of a data set.'
        raise DataError(msg)
    for kind, names in MARKS.items():
        if any((root / name).is_dir() for name in names):
            return kind
    marks = '; '.join(f'{kind}: {" or ".join(names)}' for kind, names in MARKS.items())
    found = sorted(path.name for path in root.iterdir())[:10]
    msg = f'SOURCE {str(root)!r} is no known data set: looked for {marks}; found {found}.'
    raise DataError(msg)


def _open_streets(_: Path, options: SourceOptions) -> Source:
    from robustseg_ros.bags.sources.streets import StreetSource

    return StreetSource(options)


def _open_kitti(root: Path, options: SourceOptions) -> Source:
    from robustseg_ros.bags.sources.kitti import KittiSource

    return KittiSource(root, options)


def _open_deliver(root: Path, options: SourceOptions) -> Source:
    from robustseg_ros.bags.sources.deliver import DeliverSource

    return DeliverSource(root, options)


def _open_muses(root: Path, options: SourceOptions) -> Source:
    from robustseg_ros.bags.sources.muses import MusesSource

    return MusesSource(root, options)


# Imported when needed, so that --help is quick.
_OPENERS: dict[str, Callable[[Path, SourceOptions], Source]] = {
    STREETS: _open_streets,
    'kitti': _open_kitti,
    'deliver': _open_deliver,
    'muses': _open_muses,
}

if __name__ == '__main__':
    sys.exit(main())
