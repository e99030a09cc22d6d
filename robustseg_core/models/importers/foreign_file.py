"""Reading a checkpoint file of unknown origin without running anything in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import pickle
import re
import struct
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError
from robustseg_core.models.weights_file import check_readable, check_values, is_pickle
from robustseg_core.quoting import cut, shown

# Where training scripts put the weights, beside optimiser state and scores.
CONTAINERS = ('model_state_dict', 'state_dict', 'model')
DATA_PARALLEL_PREFIX = 'module.'
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# What torch's reader lets through: it trusts the numbers in the file.
_DAMAGE = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the named weights of a ``.safetensors``, ``.pth`` or ``.bin`` file.

    Raises:
        CheckpointError: The file cannot be read, holds pickled code, or holds no weights.
    """
    check_readable(path)
    content = _unpickled(path) if is_pickle(path) else _safe(path)
    for name in CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not content:
        msg = f'{path}: holds {type(content).__name__}, expected named weights.'
        raise CheckpointError(msg)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            msg = (
                f'{path}: entry {shown(name)} is {type(value).__name__}, expected weights only, '
                f'at the top or under one of {list(CONTAINERS)}.'
            )
            raise CheckpointError(msg)
        _check(name, value, path)
    if all(name.startswith(DATA_PARALLEL_PREFIX) for name in content):
        return {name.removeprefix(DATA_PARALLEL_PREFIX): value for name, value in content.items()}
    return dict(content)


def _check(name: str, tensor: Tensor, path: Path) -> None:
    """Refuse what is no plain array of a network's numbers: it could not be placed, or be lost."""
    found = None
    if tensor.layout != torch.strided or tensor.is_quantized:
        found = f'a tensor of layout {tensor.layout}'
    elif tensor.device.type != 'cpu':
        found = f'a tensor on device {tensor.device}'
    elif tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        found = f'a tensor {tuple(tensor.shape)} of which not all is in the file'
    elif tensor.dtype not in (*FLOATS, torch.int64):
        found = f'a tensor of {tensor.dtype}'
    if found is not None:
        msg = f'{path}: entry {shown(name)} is {found}; wanted plain ones of floats.'
        raise CheckpointError(msg)
    check_values({name: tensor}, path)


def _safe(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        reason = cut(str(error), 300)
        msg = f'{path}: neither a safetensors file nor one of torch.save, or damaged: {reason}.'
        raise CheckpointError(msg) from error


def _unpickled(path: Path) -> Any:
    try:
        # Not its path: one that ends in .safetensors would be read as that.
        with path.open('rb') as file:
            return torch.load(file, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r'GLOBAL (\S+)', str(error))
        # torch's own message is not quoted: it tells how to run the code all the same.
        msg = (
            f'{path}: holds pickled code ({found[1] if found else "unknown"}), which is not run. '
            f'Save only its weights: torch.save(model.state_dict(), ...).'
        )
        raise CheckpointError(msg) from error
    except _DAMAGE as error:
        msg = f'{path}: a damaged file of torch.save: {shown(error)}.'
        raise CheckpointError(msg) from error
