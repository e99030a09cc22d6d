"""The published layouts, written from their descriptions and from our network's weights."""

from collections.abc import Callable, Mapping
import re

import pytest
import torch
from torch import Tensor

Weights = dict[str, Tensor]


def _nvidia(ours: Mapping[str, Tensor], trunk: str = '', head: str | None = None) -> Weights:
    theirs = {}
    for name, tensor in ours.items():
        if name.startswith('encoder.'):
            _, _, stage, *rest = name.split('.')
            number = int(stage) + 1
            if rest[0] == 'embed':
                new = f'patch_embed{number}.{".".join(rest[1:])}'
            elif rest[0] == 'blocks':
                inner = '.'.join(rest[2:])
                inner = inner.replace('reduce', 'sr').replace('dwconv', 'dwconv.dwconv')
                new = f'block{number}.{rest[1]}.{inner}'
            else:
                new = f'norm{number}.{rest[1]}'
            theirs[trunk + new] = tensor
        elif head is not None:
            if found := re.match(r'head\.projections\.(\d)\.(\w+)', name):
                new = f'linear_c{int(found[1]) + 1}.proj.{found[2]}'
            else:
                new = name.removeprefix('head.')
                new = new.replace('fuse', 'linear_fuse.conv').replace('norm', 'linear_fuse.bn')
                new = new.replace('classifier', 'linear_pred')
            is_projection = new.endswith('proj.weight')
            theirs[head + new] = tensor.reshape(tensor.shape[:2]) if is_projection else tensor
    return theirs


def _openmmlab(ours: Mapping[str, Tensor], trunk: str = '') -> Weights:
    theirs = {}
    for name, tensor in ours.items():
        parts = name.split('.')
        if parts[0] != 'encoder' or '.kv.' in name:
            continue
        stage, kind, tail = f'{trunk}layers.{parts[2]}', parts[3], parts[-1]
        if kind == 'embed':
            inner = 'projection' if parts[4] == 'proj' else 'norm'
            theirs[f'{stage}.0.{inner}.{tail}'] = tensor
        elif kind == 'norm':
            theirs[f'{stage}.2.{tail}'] = tensor
        else:
            block = f'{stage}.1.{parts[4]}'
            inner = '.'.join(parts[5:-1])
            if inner == 'attn.q':
                both = torch.cat([tensor, ours[name.replace('.q.', '.kv.')]])
                theirs[f'{block}.attn.attn.in_proj_{tail}'] = both
            elif inner == 'attn.proj':
                theirs[f'{block}.attn.attn.out_proj.{tail}'] = tensor
            elif inner == 'attn.reduce':
                theirs[f'{block}.attn.sr.{tail}'] = tensor
            elif inner.startswith('mlp'):
                layer = {'mlp.fc1': 0, 'mlp.dwconv': 1, 'mlp.fc2': 4}[inner]
                is_matrix = 'fc' in inner and tail == 'weight'
                theirs[f'{block}.ffn.layers.{layer}.{tail}'] = (
                    tensor[:, :, None, None] if is_matrix else tensor
                )
            else:
                theirs[f'{block}.{inner}.{tail}'] = tensor
    return theirs


@pytest.fixture(scope='session')
def nvidia() -> Callable[..., Weights]:
    """Rename our weights as NVIDIA does, under a prefix for the encoder and one for the head."""
    return _nvidia


@pytest.fixture(scope='session')
def openmmlab() -> Callable[..., Weights]:
    """Rename and reshape our encoder's weights as mmseg does from 0.20."""
    return _openmmlab
