"""Which library computes a checkpoint, and opening it there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
import logging
from pathlib import Path

import torch

from robustseg_core.errors import CheckpointError, ConfigError, RobustSegError
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.packages import load_problem
from robustseg_core.runtime import onnx_graphs, openvino_graphs
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.onnxruntime_backend import OnnxRuntimeBackend
from robustseg_core.runtime.openvino_backend import OpenVinoBackend
from robustseg_core.runtime.tensorrt_backend import TensorRtBackend
from robustseg_core.runtime.torch_backend import TorchBackend, find_device

BACKENDS = ('torch', 'compiled', 'onnxruntime', 'openvino', 'tensorrt')
CPU_ORDER = ('openvino', 'onnxruntime')  # the faster first; then torch

_logger = logging.getLogger(__name__)


class BrokenPackageError(ConfigError):
    """A library is installed, which somebody did in order to use it, and does not load."""


def open_backend(
    checkpoint: Path,
    device: str = 'auto',
    backend: str = 'auto',
    precision: str = 'fp32',
    tell: Callable[[str], None] = _logger.info,
    tell_passed_over: Callable[[str], None] | None = None,
) -> Backend:
    """Open a checkpoint, or what was exported from one, in the library that shall compute it.

    ``auto`` takes what an export was made for. A checkpoint it gives to torch on a GPU; on a CPU
    to OpenVINO, ONNX Runtime or torch, whichever is the first to be there and to take it. Why one
    was passed over is logged.

    Args:
        checkpoint: Our file, or a folder written by ``python -m robustseg_core.export``.
        device: A torch device, e.g. ``cpu`` or ``cuda:0``; ``auto`` is CUDA where there is any.
        backend: One of ``BACKENDS``, or ``auto``.
        precision: Of the arithmetic: ``fp32``, ``bf16`` or ``fp16``, where the backend has it; for
            a folder ``fp32`` means what it was exported for.
        tell: Is told what takes minutes.
        tell_passed_over: Is told each library that ``auto`` passed over and why, beside the log.

    Raises:
        CheckpointError: ``checkpoint`` cannot be read.
        ConfigError: There is no such device, backend or precision here.
    """
    if backend not in {'auto', *BACKENDS}:
        msg = f"Unknown backend {backend!r}; wanted 'auto' or one of {list(BACKENDS)}."
        raise ConfigError(msg)
    for_cpu = backend == 'openvino' or (checkpoint / openvino_graphs.ENCODER_FILE).is_file()
    place = find_device('cpu' if device == 'auto' and for_cpu else device)
    if checkpoint.is_dir():
        return _open_folder(checkpoint, place, backend, precision, tell)
    model = load_model(checkpoint)
    if backend != 'auto':
        return _open_model(model, place, backend, precision)
    return _open_best(model, place, precision, tell_passed_over)


def _open_best(
    model: MultimodalSegmenter,
    device: torch.device,
    precision: str,
    tell_passed_over: Callable[[str], None] | None,
) -> Backend:
    for name in CPU_ORDER if device.type == 'cpu' else ():
        opened = _tried(model, device, name, precision)
        if not isinstance(opened, str):
            return opened
        if tell_passed_over is not None:
            tell_passed_over(opened)
    return TorchBackend(model, str(device), precision)


def _tried(
    model: MultimodalSegmenter, device: torch.device, backend: str, precision: str
) -> Backend | str:
    """Return the backend, or why it was passed over."""
    try:
        return _open_model(model, device, backend, precision)
    except Exception as error:  # a boundary: there is always torch, whatever a library raises
        # A ConfigError is a matter of course: not installed, or not in this precision. Any other
        # says that its installation is broken, or that it cannot convert this network.
        is_usual = isinstance(error, ConfigError) and not isinstance(error, BrokenPackageError)
        level = logging.INFO if is_usual else logging.WARNING
        kind = '' if isinstance(error, RobustSegError) else f'{type(error).__name__}: '
        reason = f'{backend} passed over: {kind}{error}'
        _logger.log(level, '%s', reason)
        return reason


def _open_model(
    model: MultimodalSegmenter, device: torch.device, backend: str, precision: str
) -> Backend:
    if backend in {'torch', 'compiled'}:
        return TorchBackend(model, str(device), precision, compiled=backend == 'compiled')
    if backend == 'tensorrt':
        msg = (
            "Backend 'tensorrt' runs exported files; make them with "
            '`python -m robustseg_core.export --format tensorrt --checkpoint C --out DIR` on the '
            'machine with the GPU, then name DIR.'
        )
        raise ConfigError(msg)
    check_installed(backend, backend, 'onnx')
    if backend == 'openvino':
        _check_cpu(device)
        return OpenVinoBackend.of(model, precision)
    if precision != 'fp32':
        msg = (
            f"Backend 'onnxruntime' computes a checkpoint in 'fp32' only, got {precision!r}; "
            f'`python -m robustseg_core.export --format onnx --precision {precision}` may make '
            f'files that it computes otherwise.'
        )
        raise ConfigError(msg)
    return OnnxRuntimeBackend.of(model, device)


def _open_folder(
    folder: Path, device: torch.device, backend: str, precision: str, tell: Callable[[str], None]
) -> Backend:
    if (folder / openvino_graphs.ENCODER_FILE).is_file():
        fitting: tuple[str, ...] = ('openvino',)
    elif (folder / onnx_graphs.ENCODER_FILE).is_file():
        # Engines are there if it was exported for TensorRT.
        has_engines = any(folder.glob('*.engine'))
        fitting = ('tensorrt', 'onnxruntime') if has_engines else ('onnxruntime', 'tensorrt')
    else:
        msg = (
            f'{folder}: no export: it holds neither {openvino_graphs.ENCODER_FILE!r} nor '
            f'{onnx_graphs.ENCODER_FILE!r}.'
        )
        raise CheckpointError(msg)
    chosen = fitting[0] if backend == 'auto' else backend
    if chosen not in fitting:
        msg = f'{folder} was exported for {" or ".join(fitting)}, not for backend {backend!r}.'
        raise ConfigError(msg)
    if chosen == 'tensorrt':
        return TensorRtBackend(folder, device, precision, tell)
    check_installed(chosen, chosen)
    if chosen == 'openvino':
        _check_cpu(device)
        return OpenVinoBackend(*openvino_graphs.read_openvino(folder), precision)
    if precision != 'fp32':
        msg = (
            f'{folder}: ONNX Runtime computes what was exported, got precision {precision!r}; '
            f"wanted 'fp32', which stands for that."
        )
        raise ConfigError(msg)
    return OnnxRuntimeBackend.from_folder(folder, device)


def check_installed(backend: str, *packages: str) -> None:
    """Refuse a backend that lacks packages, saying what brings them.

    Raises:
        ConfigError: A package is not installed.
        BrokenPackageError: One is, but does not load; says why.
    """
    if missing := [each for each in packages if find_spec(each) is None]:
        msg = (
            f'Backend {backend!r} needs {" and ".join(missing)}, not installed here: '
            f'`pip install {" ".join(missing)}`.'
        )
        raise ConfigError(msg)
    for package in packages:
        if why := load_problem(package):
            msg = f'Backend {backend!r} needs {package}, which {why}.'
            raise BrokenPackageError(msg)


def _check_cpu(device: torch.device) -> None:
    if device.type != 'cpu':
        msg = f"Backend 'openvino' computes on device 'cpu' only, got {str(device)!r}."
        raise ConfigError(msg)
