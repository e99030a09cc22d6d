"""Results as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import DataError
from robustseg_core.files import make_folder, replace_file
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import Modality
from robustseg_core.runtime.engine import Segmentation
from robustseg_core.sensors.pictures import picture

COLOUR, OVERLAY, CONFIDENCE = '_colour', '_overlay', '_confidence'
OPACITY = 0.6  # of the colours over what the sensor saw


class MaskFiles:
    """Writes masks as PNG files into a folder, which is made.

    Args:
        folder: Where.
        labels: Give the colours.
        ids: What the frames will be called.
        inputs: The files that the masks are of; theirs must be other folders.
        overlay: Whether ``write`` shall leave a picture of the mask over the image.
        confidence: Whether ``write`` shall leave the confidence.

    Raises:
        DataError: Two files would have one name, or an input lies in ``folder``.
        WriteError: It cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        labels: LabelSet,
        ids: Iterable[str],
        inputs: Iterable[Path] = (),
        *,
        overlay: bool = False,
        confidence: bool = False,
    ) -> None:
        self.folder = folder
        self.overlay = overlay
        self.confidence = confidence
        self._labels = labels
        self._suffixes = ['', COLOUR]
        self._suffixes += [OVERLAY] if overlay else []
        self._suffixes += [CONFIDENCE] if confidence else []
        self._check(ids, inputs)
        make_folder(folder)

    def write(
        self, frame_id: str, result: Segmentation, leader: Modality, image: NDArray[Any]
    ) -> None:
        """Write the files of a frame.

        ``ID.png`` (one channel, class ids) and ``ID_colour.png``; where asked for
        ``ID_overlay.png`` and ``ID_confidence.png`` (one channel, 255 = certain).

        Args:
            frame_id: What it is called.
            result: What was found.
            leader: Of which ``image`` is.
            image: (H, W, 3) network image that the overlay lies upon.

        Raises:
            WriteError: A file cannot be written.
        """
        self._save(frame_id, '', result.class_ids)
        colours = self._labels.colourise(result.class_ids)
        self._save(frame_id, COLOUR, colours)
        if self.overlay:
            beneath = picture(image, leader.encoding)
            blended = cv2.addWeighted(colours, OPACITY, beneath, 1 - OPACITY, 0)
            self._save(frame_id, OVERLAY, np.asarray(blended, np.uint8))
        if self.confidence and result.confidence is not None:
            scaled = np.rint(255 * result.confidence).astype(np.uint8)
            self._save(frame_id, CONFIDENCE, scaled)

    def _check(self, ids: Iterable[str], inputs: Iterable[Path]) -> None:
        names = Counter(f'{each}{suffix}' for each in ids for suffix in self._suffixes)
        if twice := [name for name, count in names.items() if count > 1]:
            msg = f'Two results would be called {twice[0]!r}; wanted ids that keep them apart.'
            raise DataError(msg)
        # Masks among the images would be taken for images the next time.
        folder = self.folder.resolve()
        if among := next((path for path in inputs if path.resolve().parent == folder), None):
            msg = f'Folder {str(self.folder)!r} holds the input {among.name!r}; wanted another.'
            raise DataError(msg)

    def _save(self, frame_id: str, suffix: str, pixels: NDArray[np.uint8]) -> None:
        path = self.folder / f'{frame_id}{suffix}.png'
        ordered = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
        _, data = cv2.imencode('.png', ordered)
        replace_file(path, data.tobytes())
