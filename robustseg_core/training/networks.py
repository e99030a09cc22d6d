"""The networks that a stage leaves: the last, the best, and the one that is the stage's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robustseg_core.errors import CheckpointError
from robustseg_core.files import replace_file
from robustseg_core.models.checkpoint import save_model
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.training.run_folder import RunFolder


class NetworkFiles:
    """Writes networks of a stage with half-precision weights.

    Args:
        files: Where they go.
        trained_on: What their provenance says of the training, besides how far it had come.
    """

    def __init__(self, files: RunFolder, trained_on: Mapping[str, Any]) -> None:
        self._files = files
        self._trained_on = trained_on

    def write(self, network: MultimodalSegmenter, which: str, epochs: int, steps: int) -> None:
        """Write the ``last`` or ``best`` network.

        Raises:
            CheckpointError: A weight is not finite.
            WriteError: The file cannot be written.
        """
        network.provenance = {'trained_on': {**self._trained_on, 'epochs': epochs, 'steps': steps}}
        save_model(network, self._files.weights(which), half=True)

    def publish(self, which: str) -> None:
        """Make the ``last`` or ``best`` network the stage's.

        Raises:
            CheckpointError: The network cannot be read.
            WriteError: It cannot be written.
        """
        source = self._files.weights(which)
        try:
            content = source.read_bytes()
        except OSError as error:
            msg = f'{source}: cannot become {self._files.network}: {error.strerror}.'
            raise CheckpointError(msg) from error
        replace_file(self._files.network, content)
