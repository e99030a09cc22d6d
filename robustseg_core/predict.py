"""Label files: ``python -m robustseg_core.predict --out DIR rgb=PATH [depth=PATH ...]``."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
import sys
from time import perf_counter
from typing import Any

from numpy.typing import NDArray
from tqdm import tqdm

from robustseg_core.data.sensor_files import find_frames, read_images
from robustseg_core.data.value_lines import ValueLines
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.runtime.engine import Engine
from robustseg_core.runtime.mask_files import MaskFiles
from robustseg_core.sensors.encodings import Measurement, encoding_of

# Whose files may have one channel, of numbers in some unit.
SCALED = {Measurement.DEPTH, Measurement.GREY}


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog='python -m robustseg_core.predict',
        description=(
            'Label images, or folders of images, with whatever modalities there are. Files of '
            'folders belong together by their names without suffix, and frames may differ in '
            'what they have.'
        ),
    )
    parser.add_argument(
        'sources',
        nargs='*',
        metavar='MODALITY=PATH',
        help='a file or a folder, e.g. rgb=photos depth=depths: pictures, 16-bit depth in '
        'millimetres, .npy or .npz (depth in metres, or network images)',
    )
    parser.add_argument(
        '--checkpoint',
        type=checkpoint_path,
        default=checkpoint_path(),
        help='a file, or nyuv2_student, which comes with the package as does the default, '
        'streets_student',
    )
    parser.add_argument('--out', type=Path, required=True, help='folder of the masks')
    parser.add_argument('--device', default='auto', help='torch device, default: auto')
    parser.add_argument('--overlay', action='store_true', help='also the mask over the image')
    parser.add_argument('--confidence', action='store_true', help='also the confidence')
    parser.add_argument(
        '--scale',
        type=_scale,
        action='append',
        default=[],
        metavar='MODALITY=FACTOR',
        help='from the numbers of files of one channel to the unit of training: depth=1/25.5 for '
        'metres, thermal=0.01. Default: the factor of the files trained on, which the checkpoint '
        'holds; for 16-bit depth, where it holds none of 16 bits, millimetres',
    )
    return parser


def _scale(text: str) -> tuple[str, float]:
    name, _, factor = text.partition('=')
    numerator, _, denominator = factor.partition('/')
    try:
        scale = float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError) as error:
        msg = f'{text!r} is no MODALITY=FACTOR; wanted e.g. depth=0.001 or depth=1/25.5'
        raise ArgumentTypeError(msg) from error
    if not 0 < scale < float('inf'):
        msg = f'{text!r}: the factor must be > 0'
        raise ArgumentTypeError(msg)
    return name, scale


def _sources(texts: Sequence[str], modalities: ModalitySet) -> dict[str, Path]:
    """Read ``name=path`` texts, in the order of the modalities."""
    known = ', '.join(modalities.names)
    if not texts:
        msg = f'Nothing to label: wanted at least one MODALITY=PATH; modalities are {known}.'
        raise ConfigError(msg)
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition('=')
        if not equals or not path:
            msg = f'{text!r} is no MODALITY=PATH; modalities are {known}.'
            raise ConfigError(msg)
        if name in found:
            msg = f'Modality {name!r} is given twice, {str(found[name])!r} and {path!r}.'
            raise ConfigError(msg)
        found[name] = Path(path)
    return {name: found[name] for name in modalities.ordered(found)}


def _check_scales(names: Collection[str], modalities: ModalitySet) -> None:
    for name in modalities.ordered(names):  # refuses a name that is not one
        if encoding_of(modalities[name].encoding).measurement not in SCALED:
            scaled = [
                each.name
                for each in modalities
                if encoding_of(each.encoding).measurement in SCALED
            ]
            msg = f'--scale {name}: its files have three channels; wanted one of {scaled}.'
            raise ConfigError(msg)


def _label(arguments: Namespace) -> str:
    """Label everything; return what was done."""
    engine = Engine.from_checkpoint(arguments.checkpoint, arguments.device)
    modalities = engine.modalities
    scales = dict(arguments.scale)
    _check_scales(scales, modalities)
    frames = find_frames(_sources(arguments.sources, modalities))
    masks = MaskFiles(
        arguments.out,
        engine.labels,
        [frame.id for frame in frames],
        [path for frame in frames for path in frame.paths.values()],
        overlay=arguments.overlay,
        confidence=arguments.confidence,
    )
    values = ValueLines(modalities, _tell, _setting)
    start_s = perf_counter()
    for index, frame in enumerate(tqdm(frames, unit='frame', disable=None)):
        images = read_images(frame, modalities, scales)
        for name, image in images.items():
            values.look(name, image)
        _label_frame(engine, masks, frame.id, index, images)
    values.end()
    elapsed_s = perf_counter() - start_s
    subsets = Counter(modalities.letters_of(frame.paths) for frame in frames)
    return (
        f'{len(frames)} frames in {elapsed_s:.1f} s ({len(frames) / elapsed_s:.1f} frames per '
        f'second, files included) with '
        + ', '.join(f'{letters}: {count}' for letters, count in subsets.items())
        + f'; masks of {engine.labels.name!r} in {masks.folder}'
    )


def _tell(line: str) -> None:
    tqdm.write(f'robustseg_core.predict: {line}', file=sys.stderr)


def _setting(modality: Modality, what: str) -> str:
    return f'--scale {modality.name}' if what in {'distance', 'value'} else ''


def _label_frame(
    engine: Engine, masks: MaskFiles, frame_id: str, index: int, images: Mapping[str, NDArray[Any]]
) -> None:
    for name, image in images.items():
        engine.observe(name, image, index)
    leader = next(iter(images))
    height, width = images[leader].shape[:2]
    result = engine.segment(
        dict.fromkeys(images, index), (height, width), with_confidence=masks.confidence
    )
    masks.write(frame_id, result, engine.modalities[leader], images[leader])


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        print(_label(arguments))
    except RobustSegError as error:
        print(f'robustseg_core.predict: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
