"""The documents that are made from the code are those in the repository."""

from pathlib import Path

import pytest
import yaml

from robustseg_core.sensors import ENCODINGS
from robustseg_ros.describe import WANTED, describe, main, parameter_file
from robustseg_ros.node.parameters import MODALITIES, parameter_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ('path', 'make'), [('docs/TOPICS.md', describe), ('config/segment.yaml', parameter_file)]
)
def test_file_is_current(path, make):
    assert (ROOT / path).read_text(encoding='utf-8') == make(), (
        'run: python -m robustseg_ros.describe docs/TOPICS.md --parameters config/segment.yaml'
    )


def flat(tree, prefix=''):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def test_parameter_file_has_every_parameter_with_its_default():
    tree = yaml.safe_load((ROOT / 'config/segment.yaml').read_text(encoding='utf-8'))
    declared = {name: p.default for name, p in parameter_table(MODALITIES).items()}
    assert dict(flat(tree['/**']['ros__parameters'])) == declared


def test_entry_point_writes_both_files(tmp_path):
    assert main([str(tmp_path / 'a.md'), '--parameters', str(tmp_path / 'b.yaml')]) == 0
    assert (tmp_path / 'a.md').read_text(encoding='utf-8') == describe()
    assert (tmp_path / 'b.yaml').read_text(encoding='utf-8') == parameter_file()


def test_of_every_encoding_it_says_what_numbers_are_wanted():
    assert set(WANTED) == set(ENCODINGS)
