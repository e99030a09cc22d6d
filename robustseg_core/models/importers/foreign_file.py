"""Reading a checkpoint file of unknown origin without running anything in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import pickle
import re
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError
from robustseg_core.models.checkpoint import check_readable, is_pickle

# Where training scripts put the weights, beside optimiser state and scores.
CONTAINERS = ('model_state_dict', 'state_dict', 'model')
DATA_PARALLEL_PREFIX = 'module.'


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
                f'{path}: entry {name!r} is {type(value).__name__}, expected weights only, '
                f'at the top or under one of {list(CONTAINERS)}.'
            )
            raise CheckpointError(msg)
    if all(name.startswith(DATA_PARALLEL_PREFIX) for name in content):
        return {name.removeprefix(DATA_PARALLEL_PREFIX): value for name, value in content.items()}
    return dict(content)


def _safe(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        msg = f'{path}: neither a safetensors file nor one of torch.save, or damaged: {error}.'
        raise CheckpointError(msg) from error


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r'GLOBAL (\S+)', str(error))
        # torch's own message is not quoted: it tells how to run the code all the same.
        msg = (
            f'{path}: holds pickled code ({found[1] if found else "unknown"}), which is not run. '
            f'Save only its weights: torch.save(model.state_dict(), ...).'
        )
        raise CheckpointError(msg) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        msg = f'{path}: a damaged file of torch.save: {error}.'
        raise CheckpointError(msg) from error
