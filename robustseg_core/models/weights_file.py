"""Files of weights, looked into before they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
import math
from pathlib import Path

from safetensors import SafetensorError, safe_open
import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError, DataError
from robustseg_core.files import open_regular
from robustseg_core.quoting import shown

PICKLE_STARTS = (b'PK\x03\x04', b'\x80')  # torch.save, now and before torch 1.6
# As safetensors calls them: what a weight, or a count of steps, may be stored as.
FLOATS = ('F16', 'BF16', 'F32', 'F64')
COUNTS = ('I64',)


class StoredWeights:
    """A safetensors file: names, shapes and types from its header; weights when asked for.

    Args:
        path: The file.

    Attributes:
        metadata: What its header says beside the weights.
        shapes: Name -> shape.
        types: Name -> type, as safetensors calls it.

    Raises:
        CheckpointError: It is no regular file, cannot be read, is a pickle, or has weights that
            are no numbers of a network's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        check_readable(path)
        if is_pickle(path):
            msg = (
                f'{path}: a pickle (.pth) found, safetensors wanted. '
                f'`python -m robustseg_core.import_checkpoint` converts the published families.'
            )
            raise CheckpointError(msg)
        try:
            with safe_open(path, framework='pt') as file:
                self.metadata: Mapping[str, str] = file.metadata() or {}
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 -- no dict
                self.shapes = {name: tuple(each.get_shape()) for name, each in slices.items()}
                self.types = {name: each.get_dtype() for name, each in slices.items()}
        except (OSError, SafetensorError) as error:
            raise _damaged(path, error) from error
        for name, kind in self.types.items():
            if kind not in (*FLOATS, *COUNTS):
                wanted = [*FLOATS, *COUNTS]
                msg = f'{path}: {shown(name)} is stored as {kind}; wanted one of {wanted}.'
                raise CheckpointError(msg)

    def numbers(self) -> int:
        """Return how many numbers there are in all weights."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def tensors(self) -> dict[str, Tensor]:
        """Load all weights, on the CPU.

        Raises:
            CheckpointError: The file has changed meanwhile.
        """
        try:
            with safe_open(self._path, framework='pt') as file:
                return {name: file.get_tensor(name) for name in self.shapes}
        except (OSError, SafetensorError) as error:
            raise _damaged(self._path, error) from error


def check_values(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights, read from ``path``, with which a network gives no numbers.

    Raises:
        CheckpointError: One is not finite, or a variance is negative.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            msg = f'{path}: {shown(name)} is damaged: not all of its values are finite.'
            raise CheckpointError(msg)
        if name.endswith('_var') and (tensor < 0).any():
            msg = f'{path}: {shown(name)} is damaged: a variance is negative.'
            raise CheckpointError(msg)


def check_readable(path: Path) -> None:
    """Raise CheckpointError unless ``path`` is a regular file that can be opened."""
    try:
        open_regular(path).close()
    except DataError as error:
        raise CheckpointError(str(error)) from error


def is_pickle(path: Path) -> bool:
    """Tell whether ``path``, a regular file, starts like a file of ``torch.save``."""
    with path.open('rb') as file:
        start = file.read(9)
    # safetensors: the header's length in 8 bytes, whose first may well be 0x80, then its JSON.
    return start.startswith(PICKLE_STARTS) and start[8:] != b'{'


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f'{path}: not a safetensors file, or damaged: {shown(str(error), 300)}.'
    )
