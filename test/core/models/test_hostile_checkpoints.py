"""Checkpoints from strangers: what they say costs nothing until it is known to fit."""

from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
import re
import time

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file
import torch

from robustseg_core.errors import CheckpointError
from robustseg_core.models.checkpoint import load_model, save_model

MISSING = object()


@pytest.fixture
def saved(make_model, tmp_path):
    path = tmp_path / 'model.safetensors'
    save_model(make_model(), path)
    return path


def rewrite(path, place=(), value=MISSING, text=None):
    """Change what stands at ``place`` of the header."""
    with safe_open(path, framework='pt') as file:
        content = json.loads(file.metadata()['robustseg'])
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    if value is not MISSING:
        inner[place[-1]] = value
    header = json.dumps(content) if text is None else text
    save_file(load_file(path), path, {'robustseg': header})


def refusal(path) -> str:
    begin = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    assert time.process_time() - begin < 10
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 1500
    assert str(path) in message
    return message


NONSENSE = [None, 5, -1, 2**70, 1e300, True, '', 'x' * 10**5, [], {}, [[]], {'a': 1}, [1] * 9]
FIRST = ('config', 'modalities', 0)
PLACES = [
    ('version',),
    ('config',),
    ('provenance',),
    ('config', 'backbone'),
    ('config', 'head_width'),
    ('config', 'resolution'),
    ('config', 'missing'),
    ('config', 'norm_statistics'),
    ('config', 'dropout'),
    ('config', 'drop_path_rate'),
    ('config', 'labels'),
    ('config', 'labels', 'classes'),
    ('config', 'labels', 'palette'),
    ('config', 'labels', 'palette', 0),
    ('config', 'modalities'),
    FIRST,
    (*FIRST, 'name'),
    (*FIRST, 'letter'),
    (*FIRST, 'encoding'),
    (*FIRST, 'normalisation'),
    (*FIRST, 'normalisation', 'std'),
    (*FIRST, 'normalisation', 'mean', 1),
    (*FIRST, 'unit'),
    (*FIRST, 'scale'),
    (*FIRST, 'seen'),
]


@pytest.mark.parametrize('place', PLACES, ids=str)
def test_a_value_of_the_wrong_type_is_one_line(saved, place):
    whole = saved.read_bytes()
    said = []
    for value in NONSENSE:
        saved.write_bytes(whole)
        rewrite(saved, place, value)
        # Some of them are values: no unit, a provenance of its own.
        with suppress(CheckpointError), telling(said):
            load_model(saved)
    assert len(said) >= 7
    assert all(len(text.splitlines()) == 1 and len(text) < 1500 for text in said)


@contextmanager
def telling(said: list[str]):
    try:
        yield
    except CheckpointError as error:
        said.append(str(error))
        raise


@pytest.mark.parametrize(
    ('place', 'value', 'message'),
    [
        (('config', 'head_width'), 10**9, 'head_width must be in 1..16384'),
        (('config', 'head_width'), 16384, r'network of more than \d+ numbers|of another shape'),
        (('config', 'resolution'), [10**6, 10**6], 'each in 32..8192'),
        (('config', 'backbone'), 'vit_gigantic_patch14_224', 'weights do not fit|levels'),
        (('config', 'backbone'), 'convnext_xxlarge', 'network of more than'),
        (('config', 'backbone'), '../../etc/passwd', 'Unknown backbone'),
        (('config', 'backbone'), 'hf-hub:someone/model', 'Unknown backbone'),
        (('config', 'depth'), 1, r"unknown keys \['depth'\]"),
    ],
)
def test_what_does_not_fit_the_file_is_not_built(saved, place, value, message):
    rewrite(saved, place, value)
    assert re.search(message, refusal(saved))


@pytest.mark.parametrize('text', ['[' * 10**5, '{"a":' * 10**5, '', '5', '[]', '{}', 'NaN', '\0'])
def test_a_header_that_is_no_json_is_one_line(saved, text):
    rewrite(saved, text=text)
    refusal(saved)


def test_too_many_modalities_are_one_line(saved):
    first = {
        'name': 'a', 'letter': 'A', 'encoding': 'rgb',
        'normalisation': {'mean': [0, 0, 0], 'std': [1, 1, 1]},
    }  # fmt: skip
    names = 'abcdefghijklmnopqrstuvwxyz'
    rewrite(
        saved,
        ('config', 'modalities'),
        [{**first, 'name': name, 'letter': name.upper()} for name in names],
    )
    assert 'at most 12' in refusal(saved)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'pipe.safetensors')
    assert 'is a pipe; wanted a regular file' in refusal(tmp_path / 'pipe.safetensors')
    assert 'is a device; wanted' in refusal(Path('/dev/zero'))
    assert 'is a folder; wanted' in refusal(tmp_path)


@pytest.mark.parametrize('kind', [torch.complex64, torch.int32, torch.bool, torch.uint8])
def test_weights_of_another_kind_are_refused(saved, kind):
    with safe_open(saved, framework='pt') as file:
        metadata = file.metadata()
    tensors = load_file(saved)
    tensors['head.classifier.bias'] = tensors['head.classifier.bias'].to(kind)
    save_file(tensors, saved, metadata)
    assert "'head.classifier.bias' is stored as" in refusal(saved)


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('head.classifier.bias', float('nan'), 'not all of its values are finite'),
        ('head.classifier.bias', float('inf'), 'not all of its values are finite'),
        ('head.norm.running_var', -1.0, 'a variance is negative'),
    ],
)
def test_weights_that_give_no_numbers_are_refused(saved, name, value, message):
    with safe_open(saved, framework='pt') as file:
        metadata = file.metadata()
    tensors = load_file(saved)
    tensors[name][0] = value
    save_file(tensors, saved, metadata)
    assert f'{name!r} is damaged: {message}' in refusal(saved)
