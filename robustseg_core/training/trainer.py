"""Run the stages of a training configuration and score what they made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
import json
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
import torch

from robustseg_core.errors import ConfigError
from robustseg_core.evaluation.checkpoint_scores import write_scores
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.files import make_folder, replace_file
from robustseg_core.models.checkpoint import load_model, save_model
from robustseg_core.training.averaging import AveragedNetwork
from robustseg_core.training.building import TrainingNetworks, unused_parameters
from robustseg_core.training.calibration import calibrated, calibration_batches
from robustseg_core.training.config import TrainConfig
from robustseg_core.training.curves import draw_curves
from robustseg_core.training.damaged import DamagedFrames
from robustseg_core.training.finite import FiniteNumbers
from robustseg_core.training.interruption import OwnSignals
from robustseg_core.training.loading import RunFrames, TrainingBatches
from robustseg_core.training.metrics_file import MetricsFile
from robustseg_core.training.networks import NetworkFiles
from robustseg_core.training.plan import described_data, described_stage, step_frames
from robustseg_core.training.processes import Processes
from robustseg_core.training.progress import Bar, Pace
from robustseg_core.training.run_folder import RunFolder, Standing
from robustseg_core.training.samples import SamplePictures
from robustseg_core.training.scoring import scores_of_all
from robustseg_core.training.stages import Stage
from robustseg_core.training.state import ResumeState, StateFile, steps_done
from robustseg_core.training.validation import Validation

PRECISIONS = {32: '32-true', 'bf16': 'bf16-mixed', 'fp16': '16-mixed'}
REFRESH_EVERY = 20  # batches


class TrainingRun:
    """The two stages of one configuration, each leaving its network in its own folder.

    Args:
        config: The run.
        tell: Called with lines for people; by the first process only.
        processes: That train together.
        resume: Go on with what was interrupted, and leave alone what is complete.
    """

    def __init__(
        self,
        config: TrainConfig,
        tell: Callable[[str], None],
        processes: Processes | None = None,
        *,
        resume: bool = False,
    ) -> None:
        self._config = config
        self._processes = processes or Processes()
        self._is_first = self._processes.rank == 0
        self.tell = tell if self._is_first else _silent
        self._resume = resume
        self._folders = {name: RunFolder(config.out, name) for name in ('teacher', 'student')}
        # Asked before any process writes, so that all of them decide alike.
        self._standing = {name: each.standing() for name, each in self._folders.items()}
        self._frames = RunFrames(config.data, config.seed, config.workers, self.tell)
        self._networks = TrainingNetworks(config, self._frames)
        self._has_told_data = False
        _check_device(config)

    def check(self, stages: Iterable[str]) -> None:
        """Refuse, before anything is computed, what would overwrite or mix up runs.

        Raises:
            ConfigError: See ``RunFolder.check``.
        """
        for name in stages:
            if self._is_first and not self._is_given(name):
                self._folders[name].check(self._config, resume=self._resume)

    def train(self, name: str) -> Path:
        """Train the stage ``teacher`` or ``student`` and return its network's file.

        Raises:
            CheckpointError: A network or state that is needed cannot be read.
            ConfigError: Settings do not fit the data or the teacher.
            DataError: The data set is not there, or broken.
            TrainingError: A loss or a weight is not finite.
        """
        path = self._networks.path(name)
        if self._is_given(name):
            return path
        if self._resume and self._standing[name] is Standing.COMPLETE:
            self.tell(f'{name}: complete already')
            return path
        lightning.seed_everything(self._config.seed, workers=True, verbose=False)
        self._fit(name, self._networks.stage(name))
        return path

    def score(self, name: str) -> SubsetScores:
        """Score a stage's network on every subset of the validation frames.

        The scores are written, as JSON, into the folder of the run and into the network's file;
        not into that of a teacher from elsewhere.

        Raises:
            CheckpointError: The network cannot be read, or not be written again.
            ConfigError: The folder of the run cannot be written to.
            DataError: There is no frame, or a frame is broken.
        """
        config = self._config
        path = self._networks.path(name)
        model = load_model(path)
        samples = self._frames.validation_samples(model.config.modalities)
        scores = scores_of_all(model, samples, config.workers, _device(config))
        if self._is_first:
            if not self._is_given(name):
                data = f'{config.data.kind}, split {config.data.val_split}'
                write_scores(model, path, scores, data=data, seed=config.seed)
            self._write_scores(name, scores)
        return scores

    def _write_scores(self, name: str, scores: SubsetScores) -> None:
        path = self._config.out / f'{name}.json'
        text = json.dumps(scores.to_dict(), indent=2)
        make_folder(path.parent)
        replace_file(path, text + '\n')

    def _is_given(self, name: str) -> bool:
        return name == 'teacher' and self._config.teacher_checkpoint is not None

    def _fit(self, name: str, stage: Stage) -> None:
        config, files = self._config, self._folders[name]
        schedule = config.schedule(name)
        is_resumed = self._resume and self._standing[name] is Standing.PARTIAL
        first_step = steps_done(files.state) if is_resumed else 0
        network = NetworkFiles(
            files,
            {
                'stage': name,
                'data': f'{config.data.kind}, {len(self._frames.train)} frames',
                'seed': config.seed,
                'step_frames': step_frames(schedule, self._processes),
                'torch': torch.__version__,
            },
        )
        # Convolutions are several times faster with channels last, on the CPU too.
        stage.to(memory_format=torch.channels_last)
        steps_per_epoch = len(self._frames.train) // step_frames(schedule, self._processes)
        trainer = lightning.Trainer(
            max_epochs=schedule.epochs,
            accelerator=config.accelerator,
            devices=self._processes.devices,
            num_nodes=self._processes.nodes,
            strategy=self._strategy(stage),
            plugins=[StateFile()],
            precision=PRECISIONS[config.precision],
            accumulate_grad_batches=schedule.accumulate,
            gradient_clip_val=schedule.gradient_clip or None,
            default_root_dir=files.folder,
            logger=[
                MetricsFile(files.metrics, first_step),
                TensorBoardLogger(
                    files.folder, name='', version='tensorboard', purge_step=first_step
                ),
            ],
            callbacks=self._callbacks(name, stage, network),
            log_every_n_steps=min(config.log_every, max(1, steps_per_epoch)),
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        self._tell_plan(name, stage, trainer)
        if is_resumed:
            self.tell(f'{name}: goes on after {first_step} steps')
        if self._is_first:
            files.begin(config)
        batches = TrainingBatches(self._frames, schedule, config.seed, config.workers, first_step)
        trainer.fit(
            stage,
            datamodule=batches,
            ckpt_path=files.state if is_resumed else None,
            weights_only=True,
        )
        if self._is_first:
            self._publish(name, network)
            draw_curves(files.metrics, files.folder / 'curves.png')
        trainer.strategy.barrier()  # the others read what the first has written

    def _publish(self, name: str, network: NetworkFiles) -> None:
        """Make the network that is kept the stage's, calibrated where that is wanted."""
        config = self._config
        frames = config.distillation.calibration_frames if name == 'student' else 0
        if not frames:
            network.publish(config.keep)
            return
        model = load_model(self._folders[name].weights(config.keep))
        samples = self._frames.calibration_samples(model.config.modalities)
        batches = calibration_batches(samples, model, frames, config.workers)
        self.tell(f'{name}: statistics of every subset from {frames} training frames')
        model = calibrated(model, batches, _device(config))
        save_model(model, self._networks.path(name), half=True)

    def _callbacks(self, name: str, stage: Stage, network: NetworkFiles) -> list[Callback]:
        config = self._config
        schedule = config.schedule(name)
        learner = stage.segmenter
        callbacks: list[Callback] = [
            FiniteNumbers(name, self._folders[name].state),
            DamagedFrames(name, self.tell, is_looked_for=config.data.on_damaged == 'skip'),
            OwnSignals(),
            Bar(refresh_rate=REFRESH_EVERY),
        ]
        if schedule.ema_decay:
            average = AveragedNetwork(learner, schedule.ema_decay)
            callbacks.append(average)
            learner = average.mean
        modalities = learner.config.modalities
        samples = self._frames.validation_samples(modalities)
        select = [modalities.letters_of(modalities.from_letters(each)) for each in config.select]
        score = partial(_score, samples=samples, workers=config.workers)
        return [
            *callbacks,
            Pace(name, self.tell),
            Validation(learner, score, network, config.validate_every, select),
            SamplePictures(learner, samples, config.samples, config.validate_every),
            ResumeState(self._folders[name].state, step_frames(schedule, self._processes)),
        ]

    def _strategy(self, stage: Stage) -> Any:
        if self._processes.count == 1:
            return 'auto'
        # A backbone may have parameters that no feature map depends on.
        unused = unused_parameters(stage.segmenter, self._config.data.crop)
        return DDPStrategy(find_unused_parameters=bool(unused))

    def _tell_plan(self, name: str, stage: Stage, trainer: lightning.Trainer) -> None:
        if not self._has_told_data:
            self._has_told_data = True
            for line in described_data(self._config, self._frames.train, self._frames.val):
                self.tell(line)
        networks = {name: stage.segmenter, **stage.other_networks()}
        device = type(trainer.accelerator).__name__.removesuffix('Accelerator')
        for line in described_stage(
            name, self._config, self._processes, device, networks, len(self._frames.train)
        ):
            self.tell(line)


def _score(network: Any, device: str, *, samples: Any, workers: int) -> SubsetScores:
    return scores_of_all(network, samples, workers, device)


def _silent(_line: str) -> None:
    """Say nothing: another process does."""


def _device(config: TrainConfig) -> str:
    """Return where to score once training is over."""
    if config.accelerator == 'cpu' or not torch.cuda.is_available():
        return 'cpu'
    return f'cuda:{torch.cuda.current_device()}'


def _check_device(config: TrainConfig) -> None:
    has_gpu = torch.cuda.is_available()
    if config.accelerator == 'gpu' and not has_gpu:
        msg = "accelerator is 'gpu', but torch finds none; wanted 'auto' or 'cpu'."
        raise ConfigError(msg)
    if config.precision == 'fp16' and (config.accelerator == 'cpu' or not has_gpu):
        msg = "precision 'fp16' needs a GPU; on a CPU wanted 32 or 'bf16'."
        raise ConfigError(msg)
