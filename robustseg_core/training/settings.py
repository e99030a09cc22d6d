"""A run's settings, from a YAML file and ``key=value`` words, for every command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jsonargparse

from robustseg_core.errors import ConfigError
from robustseg_core.training.config import TrainConfig


def add_settings(parser: jsonargparse.ArgumentParser, description: str) -> None:
    """Give ``parser`` the option --config and an option for every setting."""
    parser.add_argument('--config', action=jsonargparse.ActionConfigFile, help=description)
    parser.add_class_arguments(TrainConfig, as_group=False)


def as_options(words: Sequence[str]) -> list[str]:
    """Make ``key=value`` the option ``--key=value``, so that a line reads like the YAML."""
    return [f'--{word}' if '=' in word and not word.startswith('-') else word for word in words]


def settings_of(
    parser: jsonargparse.ArgumentParser, parsed: jsonargparse.Namespace
) -> TrainConfig:
    """Return the settings among what a parser with ``add_settings`` and no other option read."""
    parsed.pop('config')
    return TrainConfig(**vars(parser.instantiate(parsed)))


def read_settings(command: str, file: Path | None, settings: Sequence[str]) -> TrainConfig:
    """Read a YAML file and the settings that overrule it.

    Args:
        command: What the user called, for the error message.
        file: None = the defaults.
        settings: ``key=value`` words.

    Raises:
        ConfigError: A word is not of that form, or a value is refused.
    """
    parser = jsonargparse.ArgumentParser(prog=command)
    add_settings(parser, "training's YAML file")
    if strange := [each for each in settings if '=' not in each]:
        msg = f'Settings {strange} are no key=value.'
        raise ConfigError(msg)
    file_option = [] if file is None else [f'--config={file}']
    return settings_of(parser, parser.parse_args([*file_option, *as_options(settings)]))
