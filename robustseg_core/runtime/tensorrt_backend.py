"""The network as TensorRT computes it on a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError, ConfigError, RobustSegError
from robustseg_core.models.weights_file import check_readable
from robustseg_core.runtime.backend import PRECISIONS
from robustseg_core.runtime.graph_description import METADATA_KEY, GraphDescription, Size
from robustseg_core.runtime.graphs import IMAGE, LOGITS, MAPS, STRIDES, SUBSET, takes_subset
from robustseg_core.runtime.onnx_graphs import ENCODER_FILE, HEAD_FILE
from robustseg_core.runtime.preparation import SIZES_KEPT, Preparation, UsedLast
from robustseg_core.runtime.tensorrt_engines import (
    Shapes,
    Tell,
    check_usable,
    engine_name,
    open_engine,
)

MOST_IMAGES = 8  # in a batch


class TensorRtBackend:
    """Two TensorRT engines for each size of image, built when the first of that size comes.

    Args:
        folder: Holds ``encoder.onnx`` and ``head.onnx``; engines are kept in it.
        device: A GPU.
        precision: ``bf16`` or ``fp16``, or ``fp32`` for what the files were exported for; int8 is
            in the files, and only that.
        tell: Is told that an engine is built, and how far it is.

    Raises:
        ConfigError: There is no GPU, no TensorRT, or no such precision.
        CheckpointError: A file cannot be read, is not ours, or the two are not a pair.
    """

    name = 'tensorrt'
    preparation = Preparation.BESIDE

    def __init__(self, folder: Path, device: torch.device, precision: str, tell: Tell) -> None:
        if precision not in PRECISIONS:
            msg = (
                f'TensorRT has no precision {precision!r}; wanted one of {list(PRECISIONS)}. int8 '
                f'is made by `python -m robustseg_core.export`.'
            )
            raise ConfigError(msg)
        check_usable(device)
        self.device = device
        self._folder = folder
        self._tell = tell
        self._models, self._description = _read(folder)
        self.config = self._description.config
        self.provenance = self._description.provenance
        self.size = self._description.size
        exported = self._description.precision
        if exported == 'int8' and precision != 'fp32':
            msg = (
                f'{folder} was exported in int8, got precision {precision!r}; wanted '
                f"'fp32', which stands for that."
            )
            raise ConfigError(msg)
        # fp32 overrules nothing: it is what the files say.
        self.precision = precision if precision != 'fp32' else exported
        self._contexts: UsedLast[tuple[str, Size], Any] = UsedLast(2 * SIZES_KEPT)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the four maps (B, C_i, h_i, w_i) of normalised images (B, 3, H, W).

        Raises:
            ConfigError: It takes images of one other size only, or fewer at a time.
        """
        size = images.shape[2], images.shape[3]
        self._description.check_size(size)
        return self._run('encoder', size, {IMAGE: images}, MAPS)

    def head(self, maps: Sequence[Tensor], subset: int) -> Tensor:
        """Return logits (B, K, h_1, w_1) of fused maps; see ``Backend``."""
        size = STRIDES[0] * maps[0].shape[2], STRIDES[0] * maps[0].shape[3]
        inputs = dict(zip(MAPS, maps, strict=True))
        if takes_subset(self.config):
            inputs[SUBSET] = torch.tensor([subset], device=self.device)
        return self._run('head', size, inputs, (LOGITS,))[0]

    def _run(
        self, half: str, size: Size, inputs: Mapping[str, Tensor], outputs: Sequence[str]
    ) -> list[Tensor]:
        images = max(len(each) for each in inputs.values())
        if images > MOST_IMAGES:
            msg = f'TensorRT engines are built for 1 to {MOST_IMAGES} images, got {images}.'
            raise ConfigError(msg)
        ready = {name: each.to(self.device).contiguous() for name, each in inputs.items()}
        context = self._context(half, size, ready)
        for name, each in ready.items():
            if not context.set_input_shape(name, tuple(each.shape)):
                msg = (
                    f'The {half} that TensorRT built for {size[0]}x{size[1]} refuses {name!r} of '
                    f'shape {tuple(each.shape)}; its log says why.'
                )
                raise RobustSegError(msg)
            context.set_tensor_address(name, each.data_ptr())
        # The outputs' memory is new every time, since the caller keeps them.
        made = [
            torch.empty(tuple(context.get_tensor_shape(name)), device=self.device)
            for name in outputs
        ]
        for name, each in zip(outputs, made, strict=True):
            context.set_tensor_address(name, each.data_ptr())
        if not context.execute_async_v3(torch.cuda.current_stream(self.device).cuda_stream):
            msg = f'TensorRT could not run the {half} for {size[0]}x{size[1]}; its log says why.'
            raise RobustSegError(msg)
        return made

    def _context(self, half: str, size: Size, inputs: Mapping[str, Tensor]) -> Any:
        def made() -> Any:
            import tensorrt

            name = engine_name(
                half,
                self._models[half],
                gpu=torch.cuda.get_device_name(self.device),
                version=tensorrt.__version__,
                size=size,
                precision=self.precision,
            )
            shapes = {name: _batches(each) for name, each in inputs.items()}
            with torch.cuda.device(self.device):
                engine = open_engine(
                    self._folder / name, self._models[half], shapes, self.precision, self._tell
                )
                return engine.create_execution_context()

        return self._contexts.find((half, size), made)


def _read(folder: Path) -> tuple[dict[str, bytes], GraphDescription]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    import onnx

    models: dict[str, bytes] = {}
    texts: dict[str, str | None] = {}
    for half, name in (('encoder', ENCODER_FILE), ('head', HEAD_FILE)):
        check_readable(folder / name)
        models[half] = (folder / name).read_bytes()
        try:
            properties = onnx.load_model_from_string(models[half]).metadata_props
        except DecodeError as error:
            msg = f'{folder / name}: not an ONNX file, or damaged: {error}.'
            raise CheckpointError(msg) from error
        texts[str(folder / name)] = {each.key: each.value for each in properties}.get(METADATA_KEY)
    return models, GraphDescription.of_pair(texts)


def _batches(given: Tensor) -> Shapes:
    """Return the smallest, usual and largest shape of an input: all but the batch is fixed."""
    if given.ndim == 1:  # the subset
        return (1,), (1,), (1,)
    rest = tuple(given.shape[1:])
    return (1, *rest), tuple(given.shape), (MOST_IMAGES, *rest)
