"""Which files of loose folders make a frame, and which frames a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
import os.path
from pathlib import Path
from typing import NamedTuple

from robustseg_core.data.folders_description import Description
from robustseg_core.data.folders_pattern import FilePattern
from robustseg_core.data.frames import TRUTH
from robustseg_core.data.reading import EXAMPLES, MOST_BYTES, is_there
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.files import read_regular
from robustseg_core.modalities import ModalitySet
from robustseg_core.quoting import cut, shown

_Found = Mapping[str, Path]  # id -> file


class FolderFrame(NamedTuple):
    """The files of one moment.

    Attributes:
        id: What their paths have in common.
        description: Weather, light and faults, as far as the id tells.
        paths: Modality name, or ``labels``, to its file or its three; what is missing is absent.
    """

    id: str
    description: str
    paths: Mapping[str, tuple[Path, ...]]

    @property
    def is_seen(self) -> bool:
        """Whether there is anything but labels."""
        return any(kind != TRUTH for kind in self.paths)


def root_of(description: Description, root: Path | None) -> Path:
    """Return ``root`` or, without one, that of the description.

    Raises:
        ConfigError: There is none.
        DataError: It is no folder.
    """
    root = root or description.root
    if root is None:
        msg = f"{str(description.path)!r} has no 'root', and none was given; wanted a folder."
        raise ConfigError(msg)
    if not os.path.isdir(root):  # noqa: PTH112  -- Path.is_dir raises for a name too long
        msg = f'The root {shown(str(root), 500)} of {str(description.path)!r} is no folder.'
        raise DataError(msg)
    return root


def patterns_of(description: Description, kind: str) -> tuple[FilePattern, ...]:
    """Return the patterns of a modality's name, or of ``labels``."""
    if kind == TRUTH:
        return (description.label_files.pattern,)
    return description.files[kind].patterns


def find_frames(
    description: Description, split: str, root: Path, wanted: ModalitySet
) -> list[FolderFrame]:
    """Join files into the frames of a split, in the order of their ids.

    Args:
        description: Says where they lie.
        split: One of the description's.
        root: Folder below which they lie.
        wanted: Modalities to look for; labels always are.

    Raises:
        ConfigError: There is no such split.
        DataError: A pattern matches nothing, two files are of one frame, or a split names frames
            that are not there.
    """
    kinds = (*wanted.names, TRUTH)
    places = {
        pattern: 'labels.pattern' if kind == TRUTH else f'modalities.{cut(kind)}.pattern'
        for kind in kinds
        for pattern in patterns_of(description, kind)
    }
    found = {
        pattern: _files(pattern, root, f'{str(description.path)!r}, {place}')
        for pattern, place in places.items()
    }
    if empty := [f'{place} {shown(p.text)}' for p, place in places.items() if not found[p]]:
        msg = (
            f'{str(description.path)!r}: nothing below {shown(str(root), 500)} matches '
            f'{", ".join(empty)}; wanted at least one file each.'
        )
        raise DataError(msg)
    ids = _ids_of_split(description, split, root, set().union(*found.values()))
    return [
        FolderFrame(each, condition, _paths(description, found, kinds, each))
        for each, condition in zip(ids, _conditions(description, ids), strict=True)
    ]


def _files(pattern: FilePattern, root: Path, place: str) -> _Found:
    """Return the file of every id; ``place`` is where the pattern stands."""
    found: dict[str, Path] = {}
    doubles: list[str] = []
    for frame_id, path in pattern.find(root):
        if frame_id in found:
            doubles.append(f'{frame_id!r}: {str(found[frame_id])!r} and {str(path)!r}')
        found[frame_id] = path
    if doubles:
        msg = (
            f'{place}: {shown(pattern.text)} finds {len(doubles)} files too many, e.g. '
            f'{"; ".join(doubles[:EXAMPLES])}; wanted one file for each id.'
        )
        raise DataError(msg)
    return found


def _paths(
    description: Description, found: Mapping[FilePattern, _Found], kinds: Iterable[str], each: str
) -> dict[str, tuple[Path, ...]]:
    """Return what there is of frame ``each``; a sensor of three files is there if all are."""
    paths: dict[str, tuple[Path, ...]] = {}
    for kind in kinds:
        wanted = patterns_of(description, kind)
        files = [found[pattern].get(each) for pattern in wanted]
        there = tuple(path for path in files if path is not None and is_there(path))
        if len(there) == len(wanted):
            paths[kind] = there
    return paths


def _ids_of_split(description: Description, split: str, root: Path, known: Set[str]) -> list[str]:
    if split not in description.splits:
        msg = (
            f'{str(description.path)!r} has no split {shown(split)}; known are '
            f'{shown(sorted(description.splits), 500)}.'
        )
        raise ConfigError(msg)
    rule = description.splits[split]
    title = f'{str(description.path)!r}, splits.{cut(split)}'
    if rule.matching:
        ids = [each for each in known if any(glob.fullmatch(each) for glob in rule.matching)]
        if not ids:
            msg = f'{title} matches none of {len(known)} frames, e.g. {_some(known)}.'
            raise DataError(msg)
        return sorted(ids)
    listed = _listed(rule.list_file, description.path, root) if rule.list_file else rule.ids
    if doubles := {each for each, count in Counter(listed).items() if count > 1}:
        msg = f'{title} names {len(doubles)} frames twice, e.g. {_some(doubles)}.'
        raise DataError(msg)
    if strange := set(listed) - known:
        msg = (
            f'{title} names {len(strange)} of {len(listed)} frames that have no file, e.g. '
            f'{_some(strange)}; found are {_some(known)}, ...'
        )
        raise DataError(msg)
    return sorted(listed)


def _listed(name: str, description: Path, root: Path) -> tuple[str, ...]:
    """Read a list of ids, which lies beside the description or in the root."""
    places = [folder / name for folder in (description.parent, root)]
    for path in places:
        if os.path.isfile(path):  # noqa: PTH113  -- as above
            lines = _text(path).splitlines()
            if ids := tuple(line.strip() for line in lines if line.strip()):
                return ids
            msg = f'List {str(path)!r} is empty; wanted an id on each line.'
            raise DataError(msg)
    msg = f'There is no list {" or ".join(shown(str(path), 500) for path in places)}.'
    raise DataError(msg)


def _text(path: Path) -> str:
    try:
        return read_regular(path, MOST_BYTES).decode()
    except UnicodeDecodeError as error:
        msg = f'List {shown(str(path), 500)} is no UTF-8 text.'
        raise DataError(msg) from error


def _conditions(description: Description, ids: list[str]) -> list[str]:
    """Return weather, light and faults of each id, e.g. ``fog+night``."""
    if description.condition is None:
        return [''] * len(ids)
    matches = [description.condition.fullmatch(each) for each in ids]
    if strange := [each for each, match in zip(ids, matches, strict=True) if match is None]:
        msg = (
            f'{str(description.path)!r}, condition finds none in {len(strange)} of {len(ids)} '
            f'ids, e.g. {_some(strange)}.'
        )
        raise DataError(msg)
    return ['+'.join(match.groups()) for match in matches if match is not None]


def _some(ids: Iterable[str]) -> str:
    return ', '.join(shown(each) for each in sorted(ids)[:EXAMPLES])
