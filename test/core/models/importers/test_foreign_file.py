import os
from pathlib import Path

import pytest
from safetensors.torch import save_file
import torch

from robustseg_core.errors import CheckpointError
from robustseg_core.models.importers.foreign_file import read_tensors

WEIGHTS = {'a.weight': torch.arange(6.0).reshape(2, 3), 'b': torch.ones(4)}


@pytest.mark.parametrize('key', [None, 'state_dict', 'model_state_dict', 'model'])
def test_weights_are_found_at_the_top_or_in_a_container(key, tmp_path):
    torch.save(WEIGHTS if key is None else {'epoch': 3, key: WEIGHTS}, tmp_path / 'x.pth')
    tensors = read_tensors(tmp_path / 'x.pth')
    assert list(tensors) == ['a.weight', 'b']
    assert torch.equal(tensors['a.weight'], WEIGHTS['a.weight'])


def test_files_of_old_torch_and_safetensors_are_read(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    save_file(WEIGHTS, tmp_path / 'x.safetensors')
    for name in ('old.pth', 'x.safetensors'):
        assert torch.equal(read_tensors(tmp_path / name)['b'], torch.ones(4))


def test_data_parallel_prefix_is_stripped_only_if_all_have_it(tmp_path):
    torch.save({f'module.{k}': v for k, v in WEIGHTS.items()}, tmp_path / 'x.pth')
    assert list(read_tensors(tmp_path / 'x.pth')) == ['a.weight', 'b']
    torch.save({'module.a': torch.ones(1), 'b': torch.ones(1)}, tmp_path / 'x.pth')
    assert list(read_tensors(tmp_path / 'x.pth')) == ['module.a', 'b']


@pytest.mark.parametrize('zipped', [True, False])
def test_pickled_code_is_refused_and_not_run(zipped, tmp_path):
    marker = tmp_path / 'marker'

    class Malicious:
        def __reduce__(self):
            return Path.touch, (marker,)

    path = tmp_path / 'x.pth'
    torch.save({'a': Malicious()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        CheckpointError, match=r'x\.pth: holds pickled code \(.*\), which is not run'
    ):
        read_tensors(path)
    assert not marker.exists()


def test_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / 'x.pth'
    path.write_text('<html>Not found</html>')
    with pytest.raises(
        CheckpointError, match=r'neither a safetensors file nor one of torch\.save'
    ):
        read_tensors(path)
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(CheckpointError, match=r'a damaged file of torch\.save'):
        read_tensors(path)
    with pytest.raises(CheckpointError, match='cannot be read: No such file'):
        read_tensors(tmp_path / 'gone.pth')


def test_content_other_than_weights_is_named(tmp_path):
    path = tmp_path / 'x.pth'
    torch.save([torch.ones(1)], path)
    with pytest.raises(CheckpointError, match='holds list, expected named weights'):
        read_tensors(path)
    torch.save({'weights': {'a': torch.ones(1)}}, path)
    with pytest.raises(CheckpointError, match="entry 'weights' is dict, expected weights only"):
        read_tensors(path)


@pytest.mark.parametrize(
    ('tensor', 'message'),
    [
        (torch.zeros(3, 3).to_sparse(), 'layout torch.sparse_coo'),
        (torch.zeros(3, device='meta'), 'on device meta'),
        (torch.zeros(3, dtype=torch.complex64), 'of torch.complex64'),
        (torch.zeros(3, dtype=torch.bool), 'of torch.bool'),
        (torch.zeros(1).expand(10**12), r'\(1000000000000,\) of which not all is in the file'),
        (torch.tensor([1.0, float('nan')]), 'not all of its values are finite'),
    ],
    ids=['sparse', 'meta', 'complex', 'bool', 'expanded', 'nan'],
)
def test_what_is_no_plain_array_of_numbers_is_refused(tmp_path, tensor, message):
    path = tmp_path / 'x.pth'
    torch.save({**WEIGHTS, 'odd': tensor}, path)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_tensors(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize('zipped', [True, False])
def test_a_pickle_by_the_name_of_safetensors_is_read_as_what_it_is(tmp_path, zipped):
    path = tmp_path / 'x.safetensors'
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=zipped)
    assert read_tensors(path).keys() == WEIGHTS.keys()


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'pipe.pth')
    with pytest.raises(CheckpointError, match='is a pipe; wanted a regular file'):
        read_tensors(tmp_path / 'pipe.pth')
