"""Frames whose files cannot be read, and others in their place."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset

from robustseg_core.data.frames import Frames
from robustseg_core.errors import DataError


class WholeFrames(Dataset[Any]):
    """A data set in which the next whole frame stands in for one that cannot be read.

    Which one that is depends on the files alone, so that a resumed run sees the same frames. It
    carries, as ``damaged``, why those in whose place it stands cannot be read.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Any:
        """Read a frame, or the next whole one.

        Raises:
            DataError: There is no whole frame.
        """
        damaged: list[str] = []
        for place in range(index, index + len(self)):
            try:
                arrays = self._frames[place % len(self)]
            except DataError as error:
                damaged.append(str(error))
                continue
            return {**arrays, 'damaged': damaged} if damaged else arrays
        msg = f'None of {len(self)} frames can be read. {damaged[0]}'
        raise DataError(msg)
