"""YAML and JSON from outside, read with limits: neither size nor nesting costs time or memory."""

from __future__ import annotations

from collections.abc import Iterable
import json
from pathlib import Path
import re
from typing import Any

import yaml

from robustseg_core.errors import ConfigError
from robustseg_core.files import read_regular
from robustseg_core.quoting import quoted

MOST_BYTES = 256 * 1024  # of a file of ours that somebody wrote by hand; all known are below 10 kB
MOST_DEPTH = 32  # of lists and mappings in each other
MOST_PARTS = 200_000  # values
# libyaml's, where PyYAML was built with it: the same events, ten times as fast.
_PARSER = getattr(yaml, 'CLoader', yaml.Loader)


def read_yaml(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """Read the YAML file ``path``; no tag in it makes an object.

    Raises:
        DataError: It is missing or no regular file, or has more than ``most_bytes``.
        ConfigError: It is no YAML, is nested too deeply, or grows by its aliases.
    """
    return parse_yaml(read_text(path, most_bytes), quoted(path))


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """Read the JSON file ``path``.

    Raises:
        DataError: It is missing or no regular file, or has more than ``most_bytes``.
        ConfigError: It is no JSON, or nested too deeply.
    """
    return parse_json(read_text(path, most_bytes), quoted(path))


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """Read the text file ``path``.

    Raises:
        DataError: It is missing or no regular file, or has more than ``most_bytes``.
        ConfigError: It is no UTF-8.
    """
    content = read_regular(path, most_bytes)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise _no_document(quoted(path), 'text in UTF-8', error) from error


def parse_yaml(text: str, place: str) -> Any:
    """Return what the YAML ``text`` says.

    Args:
        text: As it came.
        place: What it is, for messages.

    Raises:
        ConfigError: It is no YAML, is nested too deeply, or grows by its aliases.
    """
    check_yaml(text, place)
    try:
        return yaml.safe_load(text)
    # Numbers with a million digits, days that no month has, and the like.
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _no_document(place, 'YAML', error) from error


def check_yaml(text: str, place: str) -> None:
    """Refuse YAML on which a parser spends time or memory that the text's size does not show.

    Args:
        text: As it came.
        place: What it is, for messages.

    Raises:
        ConfigError: It is no YAML, is nested more than ``MOST_DEPTH`` deep, or has more than
            ``MOST_PARTS`` values where its aliases repeat them.
    """
    try:
        _measure(yaml.parse(text, Loader=_PARSER), place)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _no_document(place, 'YAML', error) from error


def _measure(events: Iterable[yaml.Event], place: str) -> None:
    """Follow the nesting, and how much there is once every alias stands for what it repeats."""
    parts: dict[str | None, int] = {}  # anchor -> parts of what it names
    open_anchors: list[str | None] = []
    sizes = [0]  # of what is open, innermost last
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            size, anchor = sizes.pop() + 1, open_anchors.pop()
        elif isinstance(event, yaml.CollectionStartEvent):
            sizes.append(0)
            open_anchors.append(event.anchor)
            if len(open_anchors) > MOST_DEPTH:
                msg = f'{place} is nested more than {MOST_DEPTH} deep.'
                raise ConfigError(msg)
            continue
        elif isinstance(event, yaml.AliasEvent):
            # Within itself it has no end; one that was never set is for the reader to refuse.
            endless = MOST_PARTS if event.anchor in open_anchors else 0
            size, anchor = parts.get(event.anchor, endless) + 1, None
        elif isinstance(event, yaml.ScalarEvent):
            size, anchor = 1, event.anchor
        else:
            continue
        sizes[-1] += size
        if anchor is not None:
            parts[anchor] = size
        if sizes[-1] > MOST_PARTS:
            msg = f'{place} repeats itself to more than {MOST_PARTS} values by its aliases.'
            raise ConfigError(msg)


def parse_json(text: str, place: str) -> Any:
    """Return what the JSON ``text`` says; what no JSON has (NaN, Infinity) is refused.

    Args:
        text: As it came.
        place: What it is, for messages.

    Raises:
        ConfigError: It is no JSON, or is nested too deeply.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _no_document(place, 'JSON', error) from error
    inner = [value]
    for _ in range(MOST_DEPTH + 1):
        outer = [each for each in inner if isinstance(each, dict | list)]
        inner = [v for each in outer for v in (each.values() if isinstance(each, dict) else each)]
    if inner:
        msg = f'{place} is nested more than {MOST_DEPTH} deep.'
        raise ConfigError(msg)
    return value


def _refuse_constant(name: str) -> None:
    msg = f'{name} is no number of JSON.'
    raise ValueError(msg)


def _no_document(place: str, kind: str, error: Exception) -> ConfigError:
    words = re.sub(r'\s+', ' ', str(error))
    return ConfigError(f'{place} is no {kind}: {words[:300]}.')
