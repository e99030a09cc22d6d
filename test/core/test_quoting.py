from pathlib import Path

from robustseg_core.quoting import MOST_CHARACTERS, cut, quoted, shown


def test_a_short_text_is_quoted_as_it_is():
    assert quoted('rgb8') == "'rgb8'"


def test_control_characters_do_not_reach_the_log():
    assert quoted('a\nb\x1b[2J') == "'a\\nb\\x1b[2J'"


def test_a_long_text_is_cut_and_its_length_told():
    text = quoted('x' * 5_000_000)

    assert len(text) < MOST_CHARACTERS + 40
    assert '5000000 characters' in text


def test_what_is_no_string_is_turned_into_one():
    assert quoted(ValueError('y' * 1000), most=5) == "'yyyyy'... (1000 characters)"


def test_values_are_shown_as_they_are_and_cut():
    assert shown([1, None, 'a']) == "[1, None, 'a']"
    assert shown('x' * 500, 10) == "'xxxxxxxxx... (502 characters)"
    assert cut('plain') == 'plain'
    assert cut('two\nlines') == r"'two\nlines'"
    assert cut('x' * 500, 10) == 'xxxxxxxxxx... (500 characters)'


def test_a_path_is_shown_to_its_end():
    path = Path('folder' * 50) / 'frame.png'

    assert quoted(path) == repr(str(path))
