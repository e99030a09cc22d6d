r"""How others name the weights, as tables, and their translation into our names.

A name has places: ``{s}`` stage, ``{i}`` block, ``{p}`` parameter; ``block{s}.{i}.norm1.{p}``
matches ``block1.0.norm1.weight``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
import re

import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError
from robustseg_core.models.checkpoint import first_few
from robustseg_core.quoting import shown

Names = Mapping[str, str]
PLACES = {'{s}': r'(?P<s>\d+)', '{i}': r'(?P<i>\d+)', '{p}': r'(?P<p>\w+)'}
_COUNT = 'num_batches_tracked'  # the one that is a single number
FIRST_CONVOLUTION = 'encoder.stages.0.embed.proj.weight'

_NVIDIA: Names = {
    'patch_embed{s}.proj.{p}': 'encoder.stages.{s}.embed.proj.{p}',
    'patch_embed{s}.norm.{p}': 'encoder.stages.{s}.embed.norm.{p}',
    'block{s}.{i}.norm1.{p}': 'encoder.stages.{s}.blocks.{i}.norm1.{p}',
    'block{s}.{i}.attn.q.{p}': 'encoder.stages.{s}.blocks.{i}.attn.q.{p}',
    'block{s}.{i}.attn.kv.{p}': 'encoder.stages.{s}.blocks.{i}.attn.kv.{p}',
    'block{s}.{i}.attn.proj.{p}': 'encoder.stages.{s}.blocks.{i}.attn.proj.{p}',
    'block{s}.{i}.attn.sr.{p}': 'encoder.stages.{s}.blocks.{i}.attn.reduce.{p}',
    'block{s}.{i}.attn.norm.{p}': 'encoder.stages.{s}.blocks.{i}.attn.norm.{p}',
    'block{s}.{i}.norm2.{p}': 'encoder.stages.{s}.blocks.{i}.norm2.{p}',
    'block{s}.{i}.mlp.fc1.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.fc1.{p}',
    'block{s}.{i}.mlp.dwconv.dwconv.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.dwconv.{p}',
    'block{s}.{i}.mlp.fc2.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.fc2.{p}',
    'norm{s}.{p}': 'encoder.stages.{s}.norm.{p}',
}
_HUGGING_FACE: Names = {
    'patch_embeddings.{s}.proj.{p}': 'encoder.stages.{s}.embed.proj.{p}',
    'patch_embeddings.{s}.layer_norm.{p}': 'encoder.stages.{s}.embed.norm.{p}',
    'block.{s}.{i}.layer_norm_1.{p}': 'encoder.stages.{s}.blocks.{i}.norm1.{p}',
    'block.{s}.{i}.attention.self.query.{p}': 'encoder.stages.{s}.blocks.{i}.attn.q.{p}',
    'block.{s}.{i}.attention.self.key.{p}': 'encoder.stages.{s}.blocks.{i}.attn.k.{p}',
    'block.{s}.{i}.attention.self.value.{p}': 'encoder.stages.{s}.blocks.{i}.attn.v.{p}',
    'block.{s}.{i}.attention.self.sr.{p}': 'encoder.stages.{s}.blocks.{i}.attn.reduce.{p}',
    'block.{s}.{i}.attention.self.layer_norm.{p}': 'encoder.stages.{s}.blocks.{i}.attn.norm.{p}',
    'block.{s}.{i}.attention.output.dense.{p}': 'encoder.stages.{s}.blocks.{i}.attn.proj.{p}',
    'block.{s}.{i}.layer_norm_2.{p}': 'encoder.stages.{s}.blocks.{i}.norm2.{p}',
    'block.{s}.{i}.mlp.dense1.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.fc1.{p}',
    'block.{s}.{i}.mlp.dwconv.dwconv.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.dwconv.{p}',
    'block.{s}.{i}.mlp.dense2.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.fc2.{p}',
    'layer_norm.{s}.{p}': 'encoder.stages.{s}.norm.{p}',
}
# As transformers 5 names them in memory; what it saves it names as before.
_BLOCK = 'stages.{s}.blocks.{i}'
_HUGGING_FACE_5: Names = {
    'stages.{s}.patch_embeddings.proj.{p}': 'encoder.stages.{s}.embed.proj.{p}',
    'stages.{s}.patch_embeddings.layer_norm.{p}': 'encoder.stages.{s}.embed.norm.{p}',
    'stages.{s}.layer_norm.{p}': 'encoder.stages.{s}.norm.{p}',
    **{
        f'{_BLOCK}.{theirs}.{{p}}': f'encoder.{_BLOCK}.{ours}.{{p}}'
        for theirs, ours in (
            ('layernorm_before', 'norm1'),
            ('attention.q_proj', 'attn.q'),
            ('attention.k_proj', 'attn.k'),
            ('attention.v_proj', 'attn.v'),
            ('attention.o_proj', 'attn.proj'),
            ('attention.sequence_reduction.sequence_reduction', 'attn.reduce'),
            ('attention.sequence_reduction.layer_norm', 'attn.norm'),
            ('layernorm_after', 'norm2'),
            ('mlp.fc1', 'mlp.fc1'),
            ('mlp.dwconv.dwconv', 'mlp.dwconv'),
            ('mlp.fc2', 'mlp.fc2'),
        )
    },
}
_OPENMMLAB: Names = {
    'layers.{s}.0.projection.{p}': 'encoder.stages.{s}.embed.proj.{p}',
    'layers.{s}.0.norm.{p}': 'encoder.stages.{s}.embed.norm.{p}',
    'layers.{s}.1.{i}.norm1.{p}': 'encoder.stages.{s}.blocks.{i}.norm1.{p}',
    'layers.{s}.1.{i}.attn.attn.in_proj_{p}': 'encoder.stages.{s}.blocks.{i}.attn.qkv.{p}',
    'layers.{s}.1.{i}.attn.attn.out_proj.{p}': 'encoder.stages.{s}.blocks.{i}.attn.proj.{p}',
    'layers.{s}.1.{i}.attn.sr.{p}': 'encoder.stages.{s}.blocks.{i}.attn.reduce.{p}',
    'layers.{s}.1.{i}.attn.norm.{p}': 'encoder.stages.{s}.blocks.{i}.attn.norm.{p}',
    'layers.{s}.1.{i}.norm2.{p}': 'encoder.stages.{s}.blocks.{i}.norm2.{p}',
    'layers.{s}.1.{i}.ffn.layers.0.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.fc1.{p}',
    'layers.{s}.1.{i}.ffn.layers.1.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.dwconv.{p}',
    'layers.{s}.1.{i}.ffn.layers.4.{p}': 'encoder.stages.{s}.blocks.{i}.mlp.fc2.{p}',
    'layers.{s}.2.{p}': 'encoder.stages.{s}.norm.{p}',
}
_SEGFORMER_HEAD: Names = {
    'linear_c{s}.proj.{p}': 'head.projections.{s}.{p}',
    'linear_fuse.conv.{p}': 'head.fuse.{p}',
    'linear_fuse.bn.{p}': 'head.norm.{p}',
    'linear_pred.{p}': 'head.classifier.{p}',
}
_HUGGING_FACE_HEAD: Names = {
    'linear_c.{s}.proj.{p}': 'head.projections.{s}.{p}',
    'linear_fuse.{p}': 'head.fuse.{p}',
    'batch_norm.{p}': 'head.norm.{p}',
    'classifier.{p}': 'head.classifier.{p}',
}
_HUGGING_FACE_HEAD_5: Names = {
    **_HUGGING_FACE_HEAD,
    'linear_projections.{s}.proj.{p}': 'head.projections.{s}.{p}',
}
# A non-linearity after each projection and another order: not our head, so it is left behind.
_OPENMMLAB_HEAD = (
    'decode_head.convs.{i}.conv.{p}',
    'decode_head.convs.{i}.bn.{p}',
    'decode_head.fusion_conv.conv.{p}',
    'decode_head.fusion_conv.bn.{p}',
)


@dataclass(frozen=True)
class Layout:
    """How one family names its weights.

    Attributes:
        name: What the family is called, for people.
        first_stage: Number of the first stage in its names.
        names: Its names, and ours.
        droppable: Names of what takes no part in segmentation, or does not fit our head.
    """

    name: str
    first_stage: int
    names: Names
    droppable: tuple[str, ...] = ()

    def translate(self, name: str) -> str | None:
        """Return our name for the family's ``name``; None where it has no such name."""
        for theirs, ours in self.names.items():
            if places := _match(theirs, name):
                stage = int(places.get('s') or self.first_stage) - self.first_stage
                return ours.format(**{**places, 's': stage})
        return None

    def drops(self, name: str) -> bool:
        return any(_match(pattern, name) is not None for pattern in self.droppable)


def _match(pattern: str, name: str) -> dict[str, str] | None:
    found = _expression(pattern).fullmatch(name)
    return found.groupdict() if found else None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    expression = re.escape(pattern)
    for place, matcher in PLACES.items():
        expression = expression.replace(re.escape(place), matcher)
    return re.compile(expression)


def _under(prefix: str, names: Names) -> Names:
    return {prefix + theirs: ours for theirs, ours in names.items()}


LAYOUTS = (
    Layout('MiT backbone (NVIDIA, smp)', 1, _NVIDIA, ('head.{p}',)),
    Layout(
        'SegFormer (NVIDIA, mmseg before 0.20)',
        1,
        {**_under('backbone.', _NVIDIA), **_under('decode_head.', _SEGFORMER_HEAD)},
        ('backbone.head.{p}', 'decode_head.conv_seg.{p}'),
    ),
    Layout(
        'RobustSeg or AnySeg',
        1,
        {**_under('encoder.', _NVIDIA), **_under('decoder.', _SEGFORMER_HEAD)},
        ('encoder.head.{p}', 'decoder.conv_seg.{p}', 'classifier.weight'),
    ),
    Layout(
        'SegFormer (Hugging Face)',
        0,
        {
            **_under('segformer.encoder.', _HUGGING_FACE),
            **_under('decode_head.', _HUGGING_FACE_HEAD),
        },
        ('classifier.{p}',),
    ),
    Layout('SegFormer encoder (Hugging Face)', 0, _under('encoder.', _HUGGING_FACE)),
    Layout(
        'SegFormer (Hugging Face, transformers 5)',
        0,
        {
            **_under('segformer.', _HUGGING_FACE_5),
            **_under('decode_head.', _HUGGING_FACE_HEAD_5),
        },
        ('classifier.{p}',),
    ),
    Layout('SegFormer encoder (Hugging Face, transformers 5)', 0, _HUGGING_FACE_5),
    Layout('MiT backbone (mmseg from 0.20)', 0, _OPENMMLAB),
    Layout(
        'SegFormer (mmseg from 0.20)',
        0,
        _under('backbone.', _OPENMMLAB),
        (*_OPENMMLAB_HEAD, 'decode_head.conv_seg.{p}'),
    ),
)


def recognise(names: Iterable[str], path: Path) -> Layout:
    """Return the layout that knows the first convolution among ``names``.

    Raises:
        CheckpointError: None does.
    """
    names = list(names)
    for layout in LAYOUTS:
        if any(layout.translate(name) == FIRST_CONVOLUTION for name in names):
            return layout
    msg = (
        f'{path}: of no known layout; found {first_few(names)}, '
        f'known are {[layout.name for layout in LAYOUTS]}.'
    )
    raise CheckpointError(msg)


def translate(
    tensors: Mapping[str, Tensor], layout: Layout, path: Path
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the weights under our names and in our shapes, and the names dropped.

    Raises:
        CheckpointError: A weight is neither known to the layout nor droppable, or is no array.
    """
    ours: dict[str, Tensor] = {}
    dropped, unknown = [], []
    for name, tensor in tensors.items():
        if (translated := layout.translate(name)) is not None:
            ours[translated] = tensor
        elif layout.drops(name):
            dropped.append(name)
        else:
            unknown.append(name)
    if unknown:
        msg = f'{path}: read as {layout.name}, but it has unknown weights {first_few(unknown)}.'
        raise CheckpointError(msg)
    flat = [name for name, each in ours.items() if each.ndim == 0 and not name.endswith(_COUNT)]
    if flat:
        msg = f'{path}: weights that are single numbers, not arrays: {first_few(flat)}.'
        raise CheckpointError(msg)
    try:
        return {name: _shaped(name, each) for name, each in _joined(ours)}, sorted(dropped)
    except RuntimeError as error:  # keys and values of two shapes
        msg = f'{path}: weights that belong together do not fit: {shown(error)}.'
        raise CheckpointError(msg) from error


def _joined(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights with queries apart and keys and values in one, as ours are."""
    for name, tensor in tensors.items():
        if '.attn.qkv.' in name:
            channels = tensor.shape[0] // 3
            yield name.replace('.qkv.', '.q.'), tensor[:channels]
            yield name.replace('.qkv.', '.kv.'), tensor[channels:]
        elif '.attn.k.' in name and (value := name.replace('.k.', '.v.')) in tensors:
            yield name.replace('.k.', '.kv.'), torch.cat([tensor, tensors[value]])
        elif '.attn.v.' not in name or name.replace('.v.', '.k.') not in tensors:
            yield name, tensor


def _shaped(name: str, tensor: Tensor) -> Tensor:
    """Turn 1x1 convolutions into matrices, and back, where ours are the other."""
    if '.fc' in name and tensor.ndim == 4:
        return tensor.flatten(1)
    if name.startswith('head.projections.') and tensor.ndim == 2:
        return tensor[:, :, None, None]
    return tensor
