"""Our checkpoint files: weights, config and provenance in one safetensors file.

The header's metadata has one entry, ``robustseg``, whose value is JSON: ``version`` (int),
``config`` (``SegmenterConfig.to_dict``) and ``provenance``. Nothing is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.files import replace_file
from robustseg_core.models.all_mlp_head import AllMlpHead
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig

METADATA_KEY = 'robustseg'
VERSION = 1
PICKLE_STARTS = (b'PK\x03\x04', b'\x80')  # torch.save, now and before torch 1.6


def save_model(model: MultimodalSegmenter, path: str | Path, *, half: bool = False) -> None:
    """Write ``model`` to ``path``, which is replaced only once the new file is complete.

    Args:
        model: The network; not a folded one, which could not be trained further.
        path: The file, by custom ``*.safetensors``, in an existing folder.
        half: Store the weights as float16; the statistics of norms stay float32.

    Raises:
        CheckpointError: A weight is not finite (or not in float16), the provenance is not JSON,
            or the model is folded.
        WriteError: The file cannot be written.
    """
    path = Path(path)
    if not isinstance(model.head, AllMlpHead):
        msg = f'{path}: a folded model cannot be saved; save the model it was folded from.'
        raise CheckpointError(msg)
    parameters = {name for name, _ in model.named_parameters()}
    tensors = {}
    for name, tensor in model.state_dict().items():
        stored = tensor.half() if half and name in parameters else tensor
        if not torch.isfinite(stored).all():
            msg = f'{path}: {name!r} is not finite as {stored.dtype}; nothing was written.'
            raise CheckpointError(msg)
        tensors[name] = stored.detach().cpu().contiguous()
    content = {
        'version': VERSION,
        'config': model.config.to_dict(),
        'provenance': model.provenance,
    }
    try:
        header = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        msg = f'{path}: the provenance is not JSON: {error}; found {model.provenance!r}.'
        raise CheckpointError(msg) from error
    replace_file(path, save(tensors, {METADATA_KEY: header}))


def load_model(path: str | Path) -> MultimodalSegmenter:
    """Read a model that ``save_model`` wrote, in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: ``path`` cannot be read, is no such file, or does not fit its config.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    try:
        content = json.loads(metadata[METADATA_KEY])
        version = content['version']
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        msg = (
            f'{path}: no checkpoint of ours: the metadata has no valid entry {METADATA_KEY!r}, '
            f'found {sorted(metadata)}. `python -m robustseg_core.import_checkpoint` converts '
            f'the published families.'
        )
        raise CheckpointError(msg) from error
    if version != VERSION:
        msg = f'{path}: format version {version!r} found, {VERSION} wanted.'
        raise CheckpointError(msg)
    try:
        model = MultimodalSegmenter(SegmenterConfig.from_dict(content['config']))
        provenance = dict(content['provenance'])
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        msg = f'{path}: the metadata describes no model: {error}'
        raise CheckpointError(msg) from error
    place_weights(model, tensors, path)
    model.provenance = provenance
    return model.eval()


def has_half_weights(path: Path, model: MultimodalSegmenter) -> bool:
    """Tell whether the file that ``model`` was read from stores its weights as float16.

    Raises:
        CheckpointError: ``path`` cannot be read, or lacks a weight of the model.
    """
    try:
        with safe_open(path, framework='pt') as file:
            types = {file.get_slice(name).get_dtype() for name, _ in model.named_parameters()}
    except (OSError, SafetensorError) as error:
        msg = f'{path}: not a safetensors file of this model, or damaged: {error}.'
        raise CheckpointError(msg) from error
    return types == {'F16'}


def place_weights(model: torch.nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load ``tensors``, read from ``path``, into ``model``: all of them, and nothing else.

    Raises:
        CheckpointError: Keys are missing or unexpected, or shapes differ.
    """
    expected = model.state_dict()
    problems = []
    if missing := expected.keys() - tensors.keys():
        problems.append(f'missing {first_few(missing)}')
    if unexpected := tensors.keys() - expected.keys():
        problems.append(f'unexpected {first_few(unexpected)}')
    different = [
        f'{key} ({tuple(tensors[key].shape)} found, {tuple(expected[key].shape)} wanted)'
        for key in expected.keys() & tensors.keys()
        if tensors[key].shape != expected[key].shape
    ]
    if different:
        problems.append(f'of another shape {first_few(different)}')
    if problems:
        msg = f'{path}: the weights do not fit the model: {"; ".join(problems)}.'
        raise CheckpointError(msg)
    model.load_state_dict(tensors)


def check_readable(path: Path) -> None:
    """Raise CheckpointError unless ``path`` is a file that can be opened."""
    try:
        with path.open('rb'):
            pass
    except OSError as error:
        msg = f'{path}: cannot be read: {error.strerror}.'
        raise CheckpointError(msg) from error


def is_pickle(path: Path) -> bool:
    """Tell whether ``path`` starts like a file of ``torch.save``."""
    with path.open('rb') as file:
        start = file.read(9)
    # safetensors: the header's length in 8 bytes, whose first may well be 0x80, then its JSON.
    return start.startswith(PICKLE_STARTS) and start[8:] != b'{'


def _read(path: Path) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    check_readable(path)
    if is_pickle(path):
        msg = (
            f'{path}: a pickle (.pth) found, safetensors wanted. '
            f'`python -m robustseg_core.import_checkpoint` converts the published families.'
        )
        raise CheckpointError(msg)
    try:
        with safe_open(path, framework='pt') as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 -- no dict
    except SafetensorError as error:
        msg = f'{path}: not a safetensors file, or damaged: {error}.'
        raise CheckpointError(msg) from error


def first_few(names: Iterable[Any], count: int = 3) -> str:
    """Name the first few: ``a, b, c and 9 more``."""
    ordered = sorted(names)
    rest = len(ordered) - count
    return ', '.join(ordered[:count]) + (f' and {rest} more' if rest > 0 else '')
