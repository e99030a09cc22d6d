"""An export from beginning to end: made beside its place, checked, scored, then moved there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from robustseg_core.data.sample import Batch
from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.evaluation.protocols import every_subset
from robustseg_core.exporting.agreement import Agreement, check, compare, random_frames
from robustseg_core.exporting.calibration import Calibration
from robustseg_core.exporting.formats import FORMATS, Target, write_graphs
from robustseg_core.exporting.report import Report, summary
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.graph_description import Size
from robustseg_core.runtime.onnxruntime_backend import check_provider
from robustseg_core.runtime.opening import check_installed, open_backend
from robustseg_core.runtime.tensorrt_engines import check_usable
from robustseg_core.runtime.torch_backend import TorchBackend, find_device
from robustseg_core.sensors.sizes import network_size

COMPARED = 4  # frames
MOST_LOST = 0.5  # percent points of the mean mIoU; beyond it int8 is made with more care


@dataclass(frozen=True)
class ExportFrames:
    """The user's own frames, in batches of one, at the size that the network will see.

    Attributes:
        calibration: Gone through several times.
        validation: Gone through several times.
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
        ConfigError: ``out`` is in use, frames are missing, or the library is not there or not
            for that device.
        CheckpointError: The export does not agree with the model; nothing was written.
    """
    _check_request(target, out, frames, device)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent, prefix=f'.{out.name}.') as scratch:
            maker = _Maker(model, target, checkpoint, frames, device, tell)
            folder, report = maker.make(Path(scratch))
            report.write(folder)
            folder.replace(out)
    except OSError as error:
        msg = f'The export cannot be written into {str(out)!r}: {error}.'
        raise CheckpointError(msg) from error
    return report


def _check_request(target: Target, out: Path, frames: ExportFrames | None, device: str) -> None:
    """Refuse now what would be refused only once the graphs are made."""
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
    place = find_device('cpu' if backend == 'openvino' and device == 'auto' else device)
    if backend == 'tensorrt':
        check_usable(place)
    elif backend == 'onnxruntime':
        check_provider(place)
    elif place.type != 'cpu':
        msg = f"Format 'openvino' is checked on device 'cpu' only, got {device!r}."
        raise ConfigError(msg)


class _Maker:
    """Makes an export and its report in a scratch folder."""

    def __init__(
        self,
        model: MultimodalSegmenter,
        target: Target,
        checkpoint: str,
        frames: ExportFrames | None,
        device: str,
        tell: Callable[[str], None],
    ) -> None:
        self._model = model
        self._network = TorchBackend(model, 'cpu')
        self._target = target
        self._checkpoint = checkpoint
        self._frames = frames
        self._device = device
        self._tell = tell

    def make(self, scratch: Path) -> tuple[Path, Report]:
        """Return the folder in ``scratch`` and what was found of it."""
        target, frames = self._target, self._frames
        folder, backend, agreements = self._made(scratch / 'made')
        report = Report(self._checkpoint, target, _versioned(backend), agreements)
        if frames is None or target.precision == 'fp32':
            return folder, report
        self._tell('Scoring torch, then the export.')
        before, after = (every_subset(e, frames.validation) for e in (self._network, backend))
        spared, lost = None, before.average() - after.average()
        if target.precision == 'int8' and lost > MOST_LOST:
            self._tell(f'int8 lost {lost:.2f} of the mean mIoU; again, with sums left in float.')
            folder, backend, agreements = self._made(scratch / 'careful', careful=True)
            spared, after = lost, every_subset(backend, frames.validation)
        is_int8 = target.precision == 'int8'
        return folder, replace(
            report,
            agreements=agreements,
            calibrated_on=len(list(frames.calibration)) if is_int8 else 0,
            scored_on=before.frames,
            scores={'before': summary(before), 'after': summary(after)},
            spared=spared,
        )

    def _made(
        self, folder: Path, *, careful: bool = False
    ) -> tuple[Path, Backend, dict[str, Agreement]]:
        """Make the files, open them, and compare."""
        target, calibration = self._target, None
        if target.precision == 'int8' and self._frames is not None:
            calibration = Calibration(self._network, self._frames.calibration)
        folder.mkdir()
        self._tell(f'Making {target.format} in {target.precision}.')
        write_graphs(self._model, target, calibration, folder, careful=careful)
        backend = open_backend(folder, self._device, FORMATS[target.format], 'fp32', self._tell)
        self._tell('Comparing with torch.')
        return folder, backend, self._compared(backend)

    def _compared(self, backend: Backend) -> dict[str, Agreement]:
        precision = self._target.precision
        found: dict[str, Agreement] = {}
        # Ranges measured on frames say nothing of noise.
        if precision != 'int8':
            noise = random_frames(self._network.config, self._noise_size())
            found['noise'] = compare(self._network, backend, noise)
            check(found['noise'], precision, 'noise')
        if self._frames is not None:
            some = (batch['images'] for batch in islice(self._frames.validation, COMPARED))
            found['frames'] = compare(self._network, backend, some)
            check(found['frames'], precision, 'frames of the validation split')
        return found

    def _noise_size(self) -> Size | None:
        """Return the one size of the noise; None = two, since any will do."""
        if self._target.size is not None or self._target.format != 'tensorrt':
            return self._target.size
        # Every size takes engines, which take minutes and are kept: that which will be used.
        if self._frames is None:
            resolution = self._network.config.resolution
            return network_size(*resolution, resolution)
        batch = next(iter(self._frames.validation))
        height, width = next(iter(batch['images'].values())).shape[2:]
        return height, width


def _versioned(backend: Backend) -> str:
    # Not by its distribution, which has other names for other devices.
    version = str(import_module(backend.name).__version__)
    return f'{backend.name} {version.partition("-")[0]}'
