"""YAML and JSON from outside."""

import os
import time

import pytest

from robustseg_core.documents import MOST_BYTES, parse_json, parse_yaml, read_json, read_yaml
from robustseg_core.errors import ConfigError, DataError

LAUGHS = 'a: &a [x, x]\n' + '\n'.join(
    f'{after}: &{after} [{", ".join([f"*{before}"] * 10)}]'
    for before, after in zip('abcdefgh', 'bcdefghi', strict=True)
)


def test_plain_yaml_and_json_are_read(tmp_path):
    (tmp_path / 'a').write_text('{"a": [1, null, "\u00e9"]}')
    assert read_yaml(tmp_path / 'a') == read_json(tmp_path / 'a') == {'a': [1, None, '\u00e9']}
    assert parse_yaml('a: &x {b: 1}\nc: *x', 'it') == {'a': {'b': 1}, 'c': {'b': 1}}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[' * 100_000, 'nested more than 32 deep|is no YAML'),
        ('{a: ' * 100_000, 'nested more than 32 deep'),
        ('- ' * 100_000, 'nested more than 32 deep'),
        (LAUGHS, 'repeats itself to more than 200000 values'),
        ('a: &a [*a]', 'repeats itself'),
        ('a: *b', 'is no YAML'),
        ('a: 2001-99-99', 'is no YAML: month must be in 1..12'),
        ('a: ' + '9' * 100_000, 'is no YAML: Exceeds the limit'),
        ('a: !!python/object/apply:os.getcwd []', 'is no YAML: could not determine a constructor'),
        ('a: [', 'is no YAML'),
        ('\0', 'is no YAML'),
    ],
    ids=range(11),
)
def test_yaml_that_is_none_is_one_line_soon(text, message):
    begin = time.process_time()
    with pytest.raises(ConfigError, match=message) as error:
        parse_yaml(text, 'it')
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 400
    assert time.process_time() - begin < 5


@pytest.mark.parametrize('text', ['[' * 100_000, '{', '', 'NaN', '[Infinity]', '9' * 100_000])
def test_json_that_is_none_is_one_line(text):
    with pytest.raises(ConfigError, match='it is no JSON: ') as error:
        parse_json(text, 'it')
    assert len(str(error.value)) < 400


def test_what_is_no_file_of_text_is_refused(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'large').write_bytes(b' ' * (MOST_BYTES + 1))
    (tmp_path / 'binary').write_bytes(b'\xff\xfe')
    for name, kind, message in (
        ('pipe', DataError, 'is a pipe; wanted a regular file'),
        ('large', DataError, f'has more than {MOST_BYTES} bytes'),
        ('none', DataError, 'No such file'),
        ('binary', ConfigError, 'is no text in UTF-8'),
    ):
        for read in (read_yaml, read_json):
            with pytest.raises(kind, match=f"{name}' .*{message}"):
                read(tmp_path / name)
