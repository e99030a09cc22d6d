"""The scores of a network, written into its own checkpoint."""

from __future__ import annotations

from pathlib import Path

from robustseg_core.errors import ConfigError
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.models.checkpoint import has_half_weights, load_model, save_model
from robustseg_core.models.segmenter import MultimodalSegmenter


def write_scores(
    model: MultimodalSegmenter, path: Path, scores: SubsetScores, *, data: str, seed: int
) -> None:
    """Write what each subset scored into the provenance of the file that ``model`` was read from.

    A robot reads it as what its masks are worth (``runtime.expected``). Weights stay as they are.

    Args:
        model: As read from ``path``.
        path: The file.
        scores: With sensors missing as the network is used (``protocols.every_subset``).
        data: Data set and split, e.g. ``streets, split val``.
        seed: Of the run.

    Raises:
        CheckpointError: The file cannot be read.
        WriteError: It cannot be written.
    """
    model.provenance['evaluated_on'] = {'data': data, 'seed': seed, **scores.to_dict()}
    save_model(model, path, half=has_half_weights(path, model))


def checkpoint_to_score(path: Path) -> MultimodalSegmenter:
    """Return the network of ``path``, whose scores shall be written there.

    Raises:
        CheckpointError: It cannot be read.
        ConfigError: It is a folder, whose files are of another library.
    """
    if path.is_dir():
        msg = (
            f'{str(path)!r} is an export; wanted a checkpoint (.safetensors) to write scores '
            f'into: score that, then export it again.'
        )
        raise ConfigError(msg)
    return load_model(path)
