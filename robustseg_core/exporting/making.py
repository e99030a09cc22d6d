"""An export from beginning to end: made beside its place, checked, scored, then moved there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from robustseg_core.data.sample import Batch
from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.exporting.agreement import Agreement, check, compare, random_frames
from robustseg_core.exporting.calibration import Calibration
from robustseg_core.exporting.formats import FORMATS, Target, write_graphs
from robustseg_core.exporting.report import Report
from robustseg_core.exporting.scoring import score_backend, summary
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.opening import check_installed, open_backend
from robustseg_core.runtime.torch_backend import TorchBackend

COMPARED = 4  # frames


@dataclass(frozen=True)
class ExportFrames:
    """The user's own frames, in batches of one, at the size that the network will see.

    Attributes:
        calibration: Gone through twice.
        validation: Gone through twice.
    """

    calibration: Iterable[Batch]
    validation: Iterable[Batch]


def export(
    model: MultimodalSegmenter,
    target: Target,
    out: Path,
    *,
    checkpoint: str,
    frames: ExportFrames | None = None,
    device: str = 'auto',
    tell: Callable[[str], None],
) -> Report:
    """Write ``model`` for another library, if what was written agrees with it.

    Args:
        model: The network.
        target: What to make of it.
        out: The folder; must not be there yet, or be empty.
        checkpoint: What the report calls the model.
        frames: Needed for int8; otherwise they are one more thing to compare on.
        device: Where the export is run.
        tell: Is told what is going on.

    Raises:
        ConfigError: ``out`` is in use, frames are missing, or the library is not there.
        CheckpointError: The export does not agree with the model; nothing was written.
    """
    _check_request(target, out, frames)
    network = TorchBackend(model, 'cpu')
    calibration = None
    if target.precision == 'int8' and frames is not None:
        calibration = Calibration(network, frames.calibration)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent, prefix=f'.{out.name}.') as scratch:
            folder = Path(scratch) / out.name
            folder.mkdir()
            tell(f'Making {target.format} in {target.precision}.')
            write_graphs(model, target, calibration, folder)
            backend = open_backend(folder, device, FORMATS[target.format], 'fp32', tell)
            tell('Comparing with torch.')
            agreements = _compared(network, backend, target, frames)
            report = _report(network, backend, target, checkpoint, agreements, frames, tell)
            report.write(folder)
            folder.replace(out)
    except OSError as error:
        msg = f'The export cannot be written into {str(out)!r}: {error}.'
        raise CheckpointError(msg) from error
    return report


def _check_request(target: Target, out: Path, frames: ExportFrames | None) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        msg = f'{out} is there already; wanted a folder that is empty or not there.'
        raise ConfigError(msg)
    if target.precision == 'int8' and frames is None:
        msg = 'int8 is calibrated on your own frames: name them with --config.'
        raise ConfigError(msg)
    backend = FORMATS[target.format]
    packages = ['onnx']
    if backend != 'tensorrt':  # which says itself what it lacks
        packages.append(backend)
    if target.precision == 'int8':
        packages.append('nncf' if target.format == 'openvino' else 'onnxruntime')
    check_installed(backend, *packages)


def _compared(
    network: Backend, backend: Backend, target: Target, frames: ExportFrames | None
) -> dict[str, Agreement]:
    found: dict[str, Agreement] = {}
    # Ranges measured on frames say nothing of noise.
    if target.precision != 'int8':
        noise = random_frames(network.config, target.size)
        found['noise'] = compare(network, backend, noise)
        check(found['noise'], target.precision, 'noise')
    if frames is not None:
        some = (batch['images'] for batch in islice(frames.validation, COMPARED))
        found['frames'] = compare(network, backend, some)
        check(found['frames'], target.precision, 'frames of the validation split')
    return found


def _report(
    network: Backend,
    backend: Backend,
    target: Target,
    checkpoint: str,
    agreements: dict[str, Agreement],
    frames: ExportFrames | None,
    tell: Callable[[str], None],
) -> Report:
    runner = f'{backend.name} {version(backend.name)}'
    if frames is None or target.precision == 'fp32':
        return Report(checkpoint, target, runner, agreements)
    tell('Scoring before and after.')
    scores = [score_backend(each, frames.validation) for each in (network, backend)]
    return Report(
        checkpoint,
        target,
        runner,
        agreements,
        calibrated_on=len(list(frames.calibration)) if target.precision == 'int8' else 0,
        scored_on=scores[0].frames,
        scores=dict(zip(('before', 'after'), map(summary, scores), strict=True)),
    )
