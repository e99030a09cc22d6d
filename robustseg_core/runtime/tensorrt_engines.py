"""TensorRT engines: built from our ONNX files once for a GPU, then kept beside them.

Written against the API of TensorRT 10; it is imported when an engine is made or read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import hashlib
from importlib.util import find_spec
from pathlib import Path
import re
from typing import Any

import torch

from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.files import replace_file
from robustseg_core.packages import load_problem
from robustseg_core.runtime.graph_description import Size

# An int8 graph says what is int8; what it leaves open is best in float16.
FLAGS = {'fp32': (), 'bf16': ('BF16',), 'fp16': ('FP16',), 'int8': ('INT8', 'FP16')}
Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
Tell = Callable[[str], None]


def check_usable(device: torch.device) -> None:
    """Refuse where TensorRT cannot run.

    Raises:
        ConfigError: There is no GPU, or no TensorRT.
    """
    if device.type != 'cuda' or not torch.cuda.is_available():
        msg = f'TensorRT needs an NVIDIA GPU and a torch built for CUDA; the device is {device}.'
        raise ConfigError(msg)
    if find_spec('tensorrt') is None or find_spec('onnx') is None:
        msg = 'TensorRT or onnx is not installed: `pip install "tensorrt>=10,<11" onnx`.'
        raise ConfigError(msg)
    if why := load_problem('tensorrt') or load_problem('onnx'):
        msg = f'TensorRT, or onnx, {why}.'
        raise ConfigError(msg)


def engine_name(
    half: str, model: bytes, *, gpu: str, version: str, size: Size, precision: str
) -> str:
    """Return the file of an engine, which serves nothing that differs in any of these.

    Args:
        half: ``encoder`` or ``head``.
        model: The ONNX file's content.
        gpu: Its name.
        version: TensorRT's.
        size: (height, width) of the images.
        precision: Of ``FLAGS``.
    """
    parts = (half, gpu, f'trt{version}', f'{size[0]}x{size[1]}', precision)
    plain = '_'.join(re.sub(r'[^A-Za-z0-9.]+', '-', part) for part in parts)
    return f'{plain}_{hashlib.sha256(model).hexdigest()[:12]}.engine'


def open_engine(
    file: Path, model: bytes, shapes: Mapping[str, Shapes], precision: str, tell: Tell
) -> Any:
    """Return the ``tensorrt.ICudaEngine`` in ``file``, which is built where it is not there.

    Args:
        file: Named by ``engine_name``.
        model: The ONNX file's content.
        shapes: Input -> its smallest, usual and largest shape.
        precision: Of ``FLAGS``.
        tell: Is told what the building is at: it takes minutes.

    Raises:
        RobustSegError: TensorRT refuses the model or the file, or it cannot be written.
    """
    import tensorrt

    logger = tensorrt.Logger(tensorrt.Logger.WARNING)
    if not file.is_file():
        tell(f'TensorRT builds {file.name}, once; this takes minutes.')
        plan = _built(model, shapes, precision, logger, tell)
        replace_file(file, plan)
    engine = tensorrt.Runtime(logger).deserialize_cuda_engine(file.read_bytes())
    if engine is None:
        msg = f'{file}: TensorRT cannot read it; delete it and it will be built again.'
        raise RobustSegError(msg)
    return engine


def _built(
    model: bytes, shapes: Mapping[str, Shapes], precision: str, logger: Any, tell: Tell
) -> bytes:
    import tensorrt

    builder = tensorrt.Builder(logger)
    network = builder.create_network(0)
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(model):
        reasons = '; '.join(str(parser.get_error(index)) for index in range(parser.num_errors))
        msg = f'TensorRT cannot read the ONNX graph: {reasons}'
        raise RobustSegError(msg)
    config = builder.create_builder_config()
    config.progress_monitor = _monitor(tell)
    if precision == 'fp32':
        config.clear_flag(tensorrt.BuilderFlag.TF32)  # else factors are rounded to ten bits
    for flag in FLAGS[precision]:
        config.set_flag(getattr(tensorrt.BuilderFlag, flag))
    profile = builder.create_optimization_profile()
    for name, (smallest, usual, largest) in shapes.items():
        profile.set_shape(name, smallest, usual, largest)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        msg = 'TensorRT could not build an engine; its log says why.'
        raise RobustSegError(msg)
    return bytes(plan)


def _monitor(tell: Tell) -> Any:
    import tensorrt

    class Monitor(tensorrt.IProgressMonitor):  # type: ignore[misc]
        """Passes on the names of the phases that are part of no other."""

        def __init__(self) -> None:
            super().__init__()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None:
                tell(f'TensorRT: {phase_name}, {num_steps} steps')

        def phase_finish(self, phase_name: str) -> None:
            pass

        def step_complete(self, phase_name: str, step: int) -> bool:  # noqa: ARG002
            return True  # go on

    return Monitor()
