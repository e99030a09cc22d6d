"""Our checkpoint files: weights, config and provenance in one safetensors file.

The header's metadata has one entry, ``robustseg``, whose value is JSON: ``version`` (int),
``config`` (``SegmenterConfig.to_dict``) and ``provenance``. Nothing is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from pathlib import Path

from safetensors.torch import save
import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.files import replace_file
from robustseg_core.models.all_mlp_head import AllMlpHead
from robustseg_core.models.header import METADATA_KEY, VERSION, parse_header
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.models.size_limit import SizeLimit
from robustseg_core.models.weights_file import StoredWeights, check_values
from robustseg_core.quoting import cut, shown

# Numbers that are allocated to build a network beyond those of its checkpoint: timm makes a
# classifier, and more for some, that it then takes off.
MOST_SPARE = 1 << 25
MOST_GROWTH = 4


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

    What the file says of itself is compared with what is in it before anything is built.

    Raises:
        CheckpointError: ``path`` is no regular file, cannot be read, is no such file, does not
            fit its config, or holds weights that are no numbers.
    """
    path = Path(path)
    stored = StoredWeights(path)
    text = stored.metadata.get(METADATA_KEY)
    if text is None:
        msg = (
            f'{path}: no checkpoint of ours: the metadata has no entry {METADATA_KEY!r}, '
            f'found {shown(sorted(stored.metadata))}. '
            f'`python -m robustseg_core.import_checkpoint` converts the published families.'
        )
        raise CheckpointError(msg)
    header = parse_header(text, str(path))
    try:
        with SizeLimit(MOST_SPARE + MOST_GROWTH * stored.numbers(), str(path)):
            model = MultimodalSegmenter(header.config)
    except ConfigError as error:
        msg = f'{path}: the metadata describes no model: {error}'
        raise CheckpointError(msg) from error
    check_fit(model, stored.shapes, path)
    tensors = stored.tensors()
    check_values(tensors, path)
    place_weights(model, tensors, path)
    model.provenance = header.provenance
    return model.eval()


def has_half_weights(path: Path, model: MultimodalSegmenter) -> bool:
    """Tell whether the file that ``model`` was read from stores its weights as float16.

    Raises:
        CheckpointError: ``path`` cannot be read, or lacks a weight of the model.
    """
    stored = StoredWeights(path)
    check_fit(model, stored.shapes, path)
    return {stored.types[name] for name, _ in model.named_parameters()} == {'F16'}


def place_weights(model: torch.nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load ``tensors``, read from ``path``, into ``model``: all of them, and nothing else.

    Raises:
        CheckpointError: Keys are missing or unexpected, or shapes differ.
    """
    check_fit(model, {name: tuple(each.shape) for name, each in tensors.items()}, path)
    model.load_state_dict(tensors)


def check_fit(model: torch.nn.Module, shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Refuse weights of these ``shapes``, found in ``path``, that are not those of ``model``.

    Raises:
        CheckpointError: Keys are missing or unexpected, or shapes differ.
    """
    expected = {name: tuple(each.shape) for name, each in model.state_dict().items()}
    problems = []
    if missing := expected.keys() - shapes.keys():
        problems.append(f'missing {first_few(missing)}')
    if unexpected := shapes.keys() - expected.keys():
        problems.append(f'unexpected {first_few(unexpected)}')
    different = [
        f'{key} ({shapes[key]} found, {expected[key]} wanted)'
        for key in expected.keys() & shapes.keys()
        if shapes[key] != expected[key]
    ]
    if different:
        problems.append(f'of another shape {first_few(different)}')
    if problems:
        msg = f'{path}: the weights do not fit the model: {"; ".join(problems)}.'
        raise CheckpointError(msg)


def first_few(names: Iterable[str], count: int = 3) -> str:
    """Name the first few: ``a, b, c and 9 more``."""
    ordered = sorted(names)
    rest = len(ordered) - count
    few = ', '.join(cut(name) for name in ordered[:count])
    return few + (f' and {rest} more' if rest > 0 else '')
