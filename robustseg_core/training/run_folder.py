"""What a stage leaves behind, and whether it may be begun, continued or left alone.

``OUT/STAGE.safetensors`` is the stage's network. In ``OUT/STAGE/`` lie ``config.yaml`` (all
settings, itself a file for --config), ``last.ckpt`` (Lightning's state after the last whole
epoch), ``last.safetensors`` and ``best.safetensors``, ``metrics.csv`` and ``tensorboard/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from robustseg_core.documents import read_yaml
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.files import make_folder, remove_left_behind, replace_file
from robustseg_core.training.config import TrainConfig

# What may change while a run is interrupted: it moves or speeds up the run, no number depends on
# it. That the number of processes stays is checked where it is known.
FREE = (
    'out',
    'workers',
    'accelerator',
    'devices',
    'nodes',
    'samples',
    'data.root',
    'data.description',
    'data.cache',
)
# What the other stage alone depends on.
OTHERS = {'teacher': ('student', 'distillation'), 'student': ('teacher', 'teacher_model')}


class Standing(Enum):
    """How far a stage has come."""

    NEW = 'not begun'
    PARTIAL = 'begun and interrupted'
    COMPLETE = 'complete'


class RunFolder:
    """The files of one stage."""

    def __init__(self, out: Path, stage: str) -> None:
        self.stage = stage
        self.network = out / f'{stage}.safetensors'
        self.folder = out / stage
        self.state = self.folder / 'last.ckpt'
        self.config = self.folder / 'config.yaml'
        self.metrics = self.folder / 'metrics.csv'

    def weights(self, which: str) -> Path:
        """Return where the ``last`` or ``best`` network lies."""
        return self.folder / f'{which}.safetensors'

    def _networks(self) -> list[Path]:
        return [self.weights(which) for which in ('last', 'best')]

    def standing(self) -> Standing:
        # A run that was killed before its first epoch ended has nothing to lose.
        if self.network.exists():
            return Standing.COMPLETE
        return Standing.PARTIAL if self.state.exists() else Standing.NEW

    def check(self, config: TrainConfig, *, resume: bool) -> None:
        """Refuse to overwrite a run, and to continue it as another.

        Raises:
            ConfigError: Something is there and ``resume`` is not set, or it was begun with
                other settings.
        """
        standing = self.standing()
        if standing is Standing.NEW:
            return
        if not resume:
            msg = (
                f'Stage {self.stage!r} of {str(self.folder.parent)!r} is {standing.value}. '
                f'--resume goes on with it; to begin anew, name another folder (out=...) or '
                f'remove {str(self.folder)!r} and {str(self.network)!r}.'
            )
            raise ConfigError(msg)
        if not self.config.exists():
            if standing is Standing.COMPLETE:  # a network put there by hand
                return
            msg = (
                f'{str(self.state)!r} cannot be continued: {self.config.name!r}, which says what '
                f'run it belongs to, is not beside it.'
            )
            raise ConfigError(msg)
        if changes := list(self._changes(config)):
            msg = (
                f'Stage {self.stage!r} of {str(self.folder.parent)!r} was begun with other '
                f'settings: {"; ".join(changes)}. Continue it with those it was begun with, or '
                f'name another folder (out=...).'
            )
            raise ConfigError(msg)

    def begin(self, config: TrainConfig) -> None:
        """Make the folder and write down the settings.

        Raises:
            WriteError: The folder cannot be written to.
        """
        text = yaml.safe_dump(plain(config), sort_keys=False)
        make_folder(self.folder)
        # Before anything is written: what a killed run left may be what fills the disk.
        for path in (self.network, self.state, self.config, self.metrics, *self._networks()):
            remove_left_behind(path)
        replace_file(self.config, text, settled=True)

    def _changes(self, config: TrainConfig) -> Iterator[str]:
        """Describe the settings in which ``config`` differs from the one written down."""
        try:
            before = dict(_dotted(read_yaml(self.config)))
        except (DataError, ConfigError, AttributeError) as error:
            msg = f'{str(self.config)!r} is not what this program wrote: {error}'
            raise ConfigError(msg) from error
        after = dict(_dotted(plain(config)))
        usual = dict(_dotted(plain(TrainConfig())))
        ignored = (*FREE, *OTHERS.get(self.stage, ()))
        if self.stage == 'teacher' and config.teacher_model is not None:
            ignored = (*ignored, 'model')
        for key in sorted({*before, *after}):
            if any(key == each or key.startswith(f'{each}.') for each in ignored):
                continue
            # What the run that began did not know yet was as it is by default.
            if (old := before.get(key, usual.get(key))) != (new := after.get(key)):
                yield f'{key} was {old!r}, now {new!r}'


def plain(config: TrainConfig) -> dict[str, Any]:
    """Return the settings as what YAML can hold; the parser takes them back."""
    plained = _plain(asdict(config))
    assert isinstance(plained, dict)  # as it was
    return plained


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _dotted(values: Mapping[str, Any], above: str = '') -> Iterator[tuple[str, Any]]:
    """Yield ``data.size`` and its value for nested mappings."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f'{above}{key}.')
        else:
            yield f'{above}{key}', value
