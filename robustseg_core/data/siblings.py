"""Which frames there are, where each kind of file has a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def find_ids(places: Sequence[tuple[Path, str]], pattern: str) -> list[str]:
    """Return the frames that have a file in any of several folders, so that no gap goes unseen.

    Args:
        places: Folder, and how the names of its files end, of each kind of file.
        pattern: Glob of the wanted ids; an id is a file's path in its folder without that ending.

    Returns:
        The ids in the order of the paths that they have, or would have, in the first folder.
    """
    ids = {
        path.relative_to(folder).as_posix().removesuffix(ending)
        for folder, ending in places
        for path in folder.glob(pattern + ending)
    }
    ending = places[0][1]
    return sorted(ids, key=lambda each: (each + ending).split('/'))


def names_below(folders: Sequence[Path], pattern: str) -> list[str]:
    """Return the names of the folders that match ``pattern`` below any of ``folders``, sorted."""
    return sorted({path.name for each in folders for path in each.glob(pattern) if path.is_dir()})
