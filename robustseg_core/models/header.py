"""The text that travels with our weights, as a value: what network they are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from robustseg_core.documents import parse_json
from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.quoting import shown

METADATA_KEY = 'robustseg'
VERSION = 1
MOST_CHARACTERS = 4 << 20  # provenance with scores of every subset takes some kilobytes


class Header(NamedTuple):
    """What a header says.

    Attributes:
        config: The network.
        provenance: What it was trained and evaluated on.
        content: All of it.
    """

    config: SegmenterConfig
    provenance: dict[str, Any]
    content: Mapping[str, Any]


def parse_header(text: str, place: str) -> Header:
    """Read the JSON of a checkpoint or an exported graph; nothing is built.

    Args:
        text: As it came.
        place: The file, for messages.

    Raises:
        CheckpointError: It is no JSON, of another version, or describes no network.
    """
    if len(text) > MOST_CHARACTERS:
        msg = f'{place}: its metadata has {len(text)} characters; at most {MOST_CHARACTERS}.'
        raise CheckpointError(msg)
    try:
        content = parse_json(text, 'the metadata')
    except ConfigError as error:
        msg = f'{place}: not ours: {error}'
        raise CheckpointError(msg) from error
    if not isinstance(content, Mapping) or 'version' not in content:
        msg = f'{place}: not ours: its metadata has no version, got {shown(content)}.'
        raise CheckpointError(msg)
    if type(version := content['version']) is not int or version != VERSION:
        msg = f'{place}: format version {shown(version)} found, {VERSION} wanted.'
        raise CheckpointError(msg)
    parts: dict[str, Mapping[str, Any]] = {}
    for name in ('config', 'provenance'):
        if not isinstance(value := content.get(name), Mapping):
            msg = f'{place}: the metadata describes no model: {name} is {shown(value)}.'
            raise CheckpointError(msg)
        parts[name] = value
    try:
        return Header(
            SegmenterConfig.from_dict(parts['config']), dict(parts['provenance']), content
        )
    except ConfigError as error:
        msg = f'{place}: the metadata describes no model: {error}'
        raise CheckpointError(msg) from error
