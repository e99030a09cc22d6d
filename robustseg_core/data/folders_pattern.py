"""Patterns of paths with a placeholder: which files belong to one frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path
import re

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import shown

_TOKENS = re.compile(r'\*\*/|\*\*|\*|\?|\[!?\]?[^]]*\]|\{\w*\}|.', re.DOTALL)
_WILD = {'**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]'}
_SPECIAL = re.compile(r'[*?\[{]')


@dataclass(frozen=True)
class FilePattern:
    """Paths below a root, such as ``thermal/{id}_*.png``.

    ``{id}`` is what the files of one frame have in common and may span folders; a second ``{id}``
    stands for the same text. ``*`` and ``?`` stay within a folder, ``**`` does not; ``[ab]`` is
    one of these characters.

    Raises:
        ConfigError: There is no ``{id}``, or another placeholder, or it is no relative path.
    """

    text: str

    def __post_init__(self) -> None:
        if '{id}' not in self.text:
            msg = (
                f"Pattern {shown(self.text)} has no '{{id}}', by which files are joined into "
                f'frames.'
            )
            raise ConfigError(msg)
        if self.text.startswith('/') or '..' in self.text.split('/'):
            msg = f'Pattern {shown(self.text)} must lie below the root.'
            raise ConfigError(msg)
        self._regex  # noqa: B018  -- refuses what it cannot read

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return _translated(self.text, 'id', '(?P<id>.+)', '(?P=id)')

    @property
    def folder(self) -> str:
        """The folder below which all of them lie, as far as the pattern knows it."""
        known = self.text[: match.start()] if (match := _SPECIAL.search(self.text)) else self.text
        return known.rpartition('/')[0]

    def find(self, root: Path) -> Iterator[tuple[str, Path]]:
        """Yield id and path of every file; hidden ones, which systems leave about, are none."""
        for folder, folders, names in os.walk(root / self.folder, followlinks=True):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                match = self._regex.fullmatch(path.relative_to(root).as_posix())
                if match and not name.startswith('.'):
                    yield match[1], path

    def at(self, frame_id: str) -> str:
        """Return the pattern for the files of one frame."""
        return self.text.replace('{id}', frame_id)


def id_pattern(text: str) -> re.Pattern[str]:
    """Return what matches the ids of a glob such as ``train/**``.

    Raises:
        ConfigError: It has a placeholder.
    """
    return _translated(text, '', '', '')


def condition_pattern(text: str) -> re.Pattern[str]:
    """Return what finds the conditions in an id, e.g. ``*/{condition}/{condition}/**``.

    Raises:
        ConfigError: It has no ``{condition}``, or another placeholder.
    """
    if '{condition}' not in text:
        msg = f"Pattern {shown(text)} has no '{{condition}}'."
        raise ConfigError(msg)
    return _translated(text, 'condition', '([^/]+)', '([^/]+)')


def _translated(text: str, placeholder: str, first: str, again: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern; its groups are the placeholder's texts."""
    parts, group = [], first
    for token in _TOKENS.findall(text):
        if token in _WILD:
            parts.append(_WILD[token])
        elif token == f'{{{placeholder}}}' and placeholder:
            parts.append(group)
            group = again
        elif token.startswith('{') and len(token) > 1:
            wanted = f"only '{{{placeholder}}}'" if placeholder else 'none'
            msg = f'Pattern {shown(text)} has the placeholder {shown(token)}; wanted {wanted}.'
            raise ConfigError(msg)
        elif token.startswith('[') and len(token) > 2:
            is_negated = token[1] == '!'
            inside = re.escape(token[1 + is_negated : -1]).replace(r'\-', '-')
            parts.append(f'[^/{inside}]' if is_negated else f'[{inside}]')
        else:
            parts.append(re.escape(token))
    try:
        return re.compile(''.join(parts))
    except re.error as error:
        msg = f'Pattern {shown(text)} cannot be read: {error}.'
        raise ConfigError(msg) from error
