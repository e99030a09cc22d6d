"""A run's settings, from a YAML file and ``key=value`` words, for every command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path
import re
import sys
from typing import NoReturn

import jsonargparse

from robustseg_core.documents import check_yaml, read_text
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.quoting import cut, quoted
from robustseg_core.training.config import TrainConfig

MOST_SHOWN = 1000  # characters of an error, which may repeat what a file says
USAGE_ERROR = 2  # the exit status of argparse
# A network of its own for the teacher is none by default, and then has no keys to be found.
SAME_KEYS = {'teacher_model': 'model'}
# What the parser says of a key in a YAML file.
_IN_GROUP = re.compile(r"Group '(?P<group>[\w.]+)' does not accept option '(?P<key>[\w.]+)'")
_ALONE = re.compile(r"Option '(?P<key>[\w.]+)' is not accepted")


class SettingsParser(jsonargparse.ArgumentParser):
    """A parser whose errors are one line.

    The usage of a command with a hundred settings would scroll the error away.
    """

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the error and exit, like any parser."""
        if not self.exit_on_error:  # one inside, which tries whether a value fits
            super().error(message, ex)
        if found := _IN_GROUP.search(message):
            message = self._unknown(f'{found["group"]}.{found["key"]}')
        elif found := _ALONE.search(message):
            message = self._unknown(found['key'])
        line = ' '.join(part.strip() for part in message.splitlines() if part.strip())
        sys.stderr.write(f'{self.prog}: error: {cut(line, MOST_SHOWN)}\n')
        sys.exit(USAGE_ERROR)

    def read(self, words: Sequence[str]) -> jsonargparse.Namespace:
        """Parse options and ``key=value`` words; exit where a word is unknown or refused."""
        for word in words:
            key, equals, _ = word.partition('=')
            if equals and not word.startswith('-'):
                self._check(key)
        try:
            for file in _config_files(words):  # before the parser reads them, without limits
                check_yaml(read_text(file), quoted(file))
        except RobustSegError as error:
            self.error(str(error))
        # The line then reads like the YAML.
        options = [
            f'--{word}' if '=' in word and not word.startswith('-') else word for word in words
        ]
        return self.parse_args(options)

    def _check(self, key: str) -> None:
        known = self._known()
        groups = {each.rpartition('.')[0] for each in known}
        is_part = any(key.startswith(f'{each}.') for each in known if each not in groups)
        if not is_part and key not in known and key not in groups:
            self.error(self._unknown(key))

    def _known(self) -> list[str]:
        """Return every setting, such as ``data.size``."""
        keys = list(self.get_defaults().keys())
        for alias, group in SAME_KEYS.items():
            start = f'{group}.'
            keys += [alias + each[len(group) :] for each in keys if each.startswith(start)]
        return keys

    def _unknown(self, key: str) -> str:
        """Say that there is no setting ``key``, and which may have been meant."""
        known = self._known()
        by_name = {each.rpartition('.')[2]: each for each in known}
        near = get_close_matches(key, known, n=1, cutoff=0.75) or [
            by_name[name] for name in get_close_matches(key, by_name, n=1, cutoff=0.75)
        ]
        if near:
            return f'unknown setting {key!r}; did you mean {near[0]!r}?'
        group, _, _ = key.rpartition('.')
        same = [each for each in known if group and each.rpartition('.')[0] == group]
        shown = same or sorted({each.partition('.')[0] for each in known})
        return f'unknown setting {key!r}; known are {", ".join(shown)}'


def _config_files(words: Sequence[str]) -> Iterator[Path]:
    """Yield the files that ``--config FILE`` and ``--config=FILE`` name."""
    for word, following in zip_longest(words, words[1:]):
        option, equals, value = word.partition('=')
        if option == '--config' and (equals or following):
            yield Path(value if equals else following)


def add_settings(parser: SettingsParser, description: str) -> None:
    """Give ``parser`` the option --config and an option for every setting."""
    parser.add_argument('--config', action=jsonargparse.ActionConfigFile, help=description)
    parser.add_class_arguments(TrainConfig, as_group=False)


def settings_of(parser: SettingsParser, parsed: jsonargparse.Namespace) -> TrainConfig:
    """Return the settings among what a parser with ``add_settings`` and no other option read."""
    parsed.pop('config')
    try:
        settings = vars(parser.instantiate(parsed))
    except TypeError as error:  # a number or a text where a group of settings belongs
        parser.error(f'a group of settings is none: {error}')
    return TrainConfig(**settings)


def read_settings(command: str, file: Path | None, settings: Sequence[str]) -> TrainConfig:
    """Read a YAML file and the settings that overrule it.

    Args:
        command: What the user called, for the error message.
        file: None = the defaults.
        settings: ``key=value`` words.

    Raises:
        ConfigError: A word is not of that form, or a value is refused.
        SystemExit: The file cannot be read, or a setting is unknown or of another type.
    """
    parser = SettingsParser(prog=command)
    add_settings(parser, "training's YAML file")
    if strange := [each for each in settings if '=' not in each]:
        msg = f'Settings {strange} are no key=value.'
        raise ConfigError(msg)
    file_option = [] if file is None else [f'--config={file}']
    return settings_of(parser, parser.read([*file_option, *settings]))
