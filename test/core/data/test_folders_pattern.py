"""Patterns with a placeholder."""

from pathlib import Path

import pytest

from robustseg_core.data.folders_pattern import FilePattern, condition_pattern, id_pattern
from robustseg_core.errors import ConfigError


def ids(tmp_path: Path, pattern: str, *names: str) -> list[str]:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [found for found, _ in FilePattern(pattern).find(tmp_path)]


@pytest.mark.parametrize(
    ('pattern', 'wanted'),
    [
        ('rgb/{id}.png', ['1', 'a/2_t', 'a/b/3']),
        ('rgb/{id}_t.png', ['a/2']),
        ('rgb/*/{id}.png', ['2_t', 'b/3']),
        ('**/{id}.png', ['1', '2_t', '3']),
        ('**/{id}.*', ['1', '2_t', '3', '4']),
        ('rgb/?/{id}_*.png', ['2']),
        ('rgb/{id}/b/[13].png', ['a']),
        ('rgb/{id}/[!2]/?.png', ['a']),
        ('depth/{id}.png', []),
    ],
)
def test_id_is_what_stands_at_the_placeholder(
    tmp_path: Path, pattern: str, wanted: list[str]
) -> None:
    names = ['rgb/1.png', 'rgb/a/2_t.png', 'rgb/a/b/3.png', 'rgb/4.jpg']
    assert sorted(ids(tmp_path, pattern, *names)) == wanted


def test_id_is_as_long_as_it_can_be(tmp_path: Path) -> None:
    assert ids(tmp_path, 'thermal/{id}_*.png', 'thermal/walk_01_1700.png') == ['walk_01']


def test_second_placeholder_must_be_the_same_text(tmp_path: Path) -> None:
    names = ['s/1/rgb_10.png', 's/2/rgb_30.png']
    assert ids(tmp_path, 's/{id}/rgb_{id}0.png', *names) == ['1']


def test_special_signs_of_other_languages_mean_themselves(tmp_path: Path) -> None:
    assert ids(tmp_path, 'a+b/(x)^{id}.png', 'a+b/(x)^7.png', 'aab/(x)^8.png') == ['7']


def test_linked_folders_are_entered_and_hidden_files_are_not_read(tmp_path: Path) -> None:
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    (elsewhere / '1.png').touch()
    (elsewhere / '._1.png').touch()
    (tmp_path / 'rgb').symlink_to(elsewhere)
    found = list(FilePattern('rgb/{id}.png').find(tmp_path))
    assert found == [('1', tmp_path / 'rgb/1.png')]


def test_only_the_folder_that_the_pattern_names_is_searched() -> None:
    assert FilePattern('a/b/c{id}.png').folder == 'a/b'
    assert FilePattern('{id}.png').folder == ''
    assert FilePattern('a/*/b/{id}.png').folder == 'a'


@pytest.mark.parametrize(
    ('pattern', 'message'),
    [
        ('rgb/*.png', "'rgb/[*].png' has no '{id}'"),
        ('/data/{id}.png', 'must lie below the root'),
        ('../{id}.png', 'must lie below the root'),
        ('{seq}/{id}.png', "placeholder '{seq}'; wanted only '{id}'"),
        ('[z-a]/{id}.png', 'cannot be read: bad character range'),
    ],
)
def test_refuses_what_cannot_join_files(pattern: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FilePattern(pattern)


def test_glob_of_ids_has_no_placeholder() -> None:
    assert id_pattern('train/**').fullmatch('train/a/1')
    assert not id_pattern('train/*').fullmatch('train/a/1')
    with pytest.raises(ConfigError, match=r"placeholder '\{id\}'; wanted none"):
        id_pattern('{id}')


def test_conditions_are_found_within_folders_and_names() -> None:
    match = condition_pattern('*/{condition}/*_{condition}').fullmatch('val/fog/0001_night')
    assert match is not None
    assert match.groups() == ('fog', 'night')
    with pytest.raises(ConfigError, match=r"'val/[*]' has no '{condition}'"):
        condition_pattern('val/*')
