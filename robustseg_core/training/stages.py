"""The two stages: a batch in, named losses out; Lightning runs the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from robustseg_core.data.sample import Batch
from robustseg_core.distillation.features import (
    Pairing,
    Projections,
    View,
    entropy_term,
    hybrid_pairing,
    index_pairing,
    prototype_term,
    same_pairing,
)
from robustseg_core.distillation.modality_dropout import visible_modalities
from robustseg_core.distillation.objective import logit_distillation, ohem_cross_entropy
from robustseg_core.distillation.prototypes import one_hot_labels
from robustseg_core.distillation.variation import variation_divergence
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.training.config import DistillationConfig, StageConfig
from robustseg_core.training.randomness import Purpose, derived_seed
from robustseg_core.training.schedule import adamw, warmup_poly

Terms = dict[str, tuple[float, Tensor]]


class Stage(lightning.LightningModule):
    """What both stages share: the trained network, its optimiser, the weighted sum of terms.

    Args:
        segmenter: The network that learns.
        config: The stage.
        seed: Of the run.
        freeze_norm_after: As in ``ModelConfig``.
    """

    def __init__(
        self,
        segmenter: MultimodalSegmenter,
        config: StageConfig,
        seed: int,
        *,
        freeze_norm_after: int | None = None,
    ) -> None:
        super().__init__()
        self.segmenter = segmenter
        self._config = config
        self._seed = seed
        self._freeze_norm_after = freeze_norm_after

    def train(self, mode: bool = True) -> Stage:  # noqa: FBT001, FBT002 -- torch's signature
        super().train(mode)
        after = self._freeze_norm_after
        if after is not None and self.current_epoch >= after:
            for module in self.segmenter.encoder.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
                    module.eval()
        return self

    def on_train_epoch_start(self) -> None:
        self.train()  # Lightning does not, and norms would not be frozen

    def other_networks(self) -> dict[str, MultimodalSegmenter]:
        """Return the networks that take part and do not learn, by name."""
        return {}

    def losses(self, batch: Batch, generator: torch.Generator, first: int = 0) -> Terms:
        """Return the weight and the value of each named term.

        Args:
            batch: What there is.
            generator: For what all processes must draw alike.
            first: Where in the step's frames, of all processes, this batch begins.
        """
        raise NotImplementedError

    def training_step(self, batch: Batch, index: int) -> dict[str, Any]:
        # A step's accumulated parts, and all processes, draw what one large batch would draw.
        step, part = divmod(index, self._config.accumulate)
        shared = torch.Generator().manual_seed(
            derived_seed(self._seed, Purpose.MODALITIES, self.current_epoch, step)
        )
        size = len(batch['ids'])
        first = (part * self.trainer.world_size + self.global_rank) * size
        # Dropout inside the network draws from the global generator, each batch for itself.
        torch.manual_seed(
            derived_seed(self._seed, Purpose.NETWORK, self.current_epoch, step, first)
        )
        terms = self.losses(batch, shared, first)
        total = torch.stack([weight * value for weight, value in terms.values()]).sum()
        values = {name: value.detach() for name, (_, value) in terms.items()}
        self.log_dict(
            {**values, 'loss': total.detach()},
            prog_bar=True,
            batch_size=size,
            sync_dist=self.trainer.world_size > 1,
        )
        self.log('lr', self.trainer.optimizers[0].param_groups[0]['lr'], batch_size=size)
        return {'loss': total, 'terms': values}

    def configure_optimizers(self) -> Any:
        config = self._config
        optimizer = adamw(self, config)
        epoch = self.trainer.estimated_stepping_batches / config.epochs  # steps
        warmup = round(epoch * config.warmup_epochs)
        end = round(epoch * (config.epochs + config.decay_margin))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, warmup_poly(end, warmup, config.poly_power)
        )
        return [optimizer], [{'scheduler': schedule, 'interval': 'step'}]


class TeacherStage(Stage):
    """Stage 1: all modalities, cross-entropy only."""

    def losses(self, batch: Batch, generator: torch.Generator, first: int = 0) -> Terms:  # noqa: ARG002
        # In float32 also under autocast.
        logits = self.segmenter(batch['images'], batch['availability']).float()
        return {'ce': (1.0, ohem_cross_entropy(logits, batch['labels']))}


class StudentStage(Stage):
    """Stage 2: the student sees a random subset, the frozen teacher everything (Eq 11).

    Args:
        segmenter: The student.
        teacher: Of the same classes and modalities.
        config: The stage.
        distillation: The terms and their weights.
        seed: Of the run.
        freeze_norm_after: As in ``ModelConfig``.
    """

    def __init__(
        self,
        segmenter: MultimodalSegmenter,
        teacher: MultimodalSegmenter,
        config: StageConfig,
        distillation: DistillationConfig,
        seed: int,
        *,
        freeze_norm_after: int | None = None,
    ) -> None:
        super().__init__(segmenter, config, seed, freeze_norm_after=freeze_norm_after)
        # In a tuple, so that it is no submodule: not in train mode, not in the checkpoints.
        self._frozen = (teacher.eval().requires_grad_(requires_grad=False),)
        self._distillation = distillation
        ours, theirs = segmenter.encoder.channels, teacher.encoder.channels
        # Parameters that no term uses would never get a gradient, which other processes wait for.
        compares = distillation.prototype_weight > 0 or distillation.entropy_weight > 0
        self.projections = Projections(ours, theirs if compares else ours)

    def other_networks(self) -> dict[str, MultimodalSegmenter]:
        return {'teacher': self._frozen[0]}

    def on_fit_start(self) -> None:
        self._frozen[0].to(self.device).to(memory_format=torch.channels_last)

    def losses(self, batch: Batch, generator: torch.Generator, first: int = 0) -> Terms:
        images, availability, labels = batch['images'], batch['availability'], batch['labels']
        names = self.segmenter.config.modalities.names
        size = (labels.shape[1], labels.shape[2])
        weights = self._distillation
        visible = self._visible(availability, generator, first)
        encoded = self.segmenter.encode_present(images, visible)
        fused = self.segmenter.fuse_present(encoded, len(labels))
        # In float32 also under autocast.
        logits = self.segmenter.decode(fused, size).float()
        terms: Terms = {}
        if weights.ce_weight:
            terms['ce'] = (weights.ce_weight, ohem_cross_entropy(logits, labels))
        with torch.no_grad():
            teacher = self._frozen[0]
            known = teacher.encode_present(images, availability)
            known_fused = teacher.fuse_present(known, len(labels))
            seen = teacher.subset_rows(names, availability)
            target = teacher.decode(known_fused, size, seen).float()
        if weights.logit_weight:
            terms['logit_kl'] = (weights.logit_weight, logit_distillation(logits, target))
        view = self.projections(View(encoded, dict(zip(names, visible.T, strict=True))))
        whole = View(known, dict(zip(names, availability.T, strict=True)))
        hybrid = hybrid_pairing(names, generator)
        if weights.prototype_weight:
            value = self._prototype_term(view, whole, labels, hybrid)
            terms['prototype'] = (weights.prototype_weight, value + self._nothing(logits))
        if weights.entropy_weight:
            pairing = hybrid if weights.entropy_pairing == 'hybrid' else same_pairing(names)
            value = entropy_term(view, whole, pairing)
            terms['entropy'] = (weights.entropy_weight, value + self._nothing(logits))
        if weights.variation_weight:
            value = self._variation_term(fused, known_fused, labels)
            terms['variation'] = (weights.variation_weight, value + self._nothing(logits))
        return terms

    def _visible(self, availability: Tensor, generator: torch.Generator, first: int) -> Tensor:
        """Return what the student is shown, (B, M) bool.

        Drawn per sample, it depends on where in the step's frames the sample stands, not on the
        process that holds it.
        """
        names = self.segmenter.config.modalities.names
        dropout = self._distillation.dropout
        if dropout != 'sample':
            return visible_modalities(availability, names, dropout, generator)
        seed = int(torch.randint(2**62, (), generator=generator))
        rows = [
            visible_modalities(
                row[None],
                names,
                dropout,
                torch.Generator().manual_seed(derived_seed(seed, Purpose.MODALITIES, position)),
            )
            for position, row in enumerate(availability.cpu(), start=first)
        ]
        return torch.cat(rows).to(availability.device)

    def _prototype_term(self, view: View, whole: View, labels: Tensor, hybrid: Pairing) -> Tensor:
        names = self.segmenter.config.modalities.names
        weights = self._distillation
        pairing = hybrid if weights.prototype_pairing == 'hybrid' else same_pairing(names)
        if weights.prototype_pairing == 'index_order':
            shown = [name for name in names if view.shown[name].any()]
            pairing = index_pairing(shown, names)
        return prototype_term(
            view,
            whole,
            labels,
            len(self.segmenter.config.labels),
            pairing,
            legacy=weights.legacy_second_division,
        )

    def _variation_term(
        self, fused: Sequence[Tensor], known: Sequence[Tensor], labels: Tensor
    ) -> Tensor:
        classes = len(self.segmenter.config.labels)
        values = [
            variation_divergence(
                ours, theirs, one_hot_labels(labels, classes, (ours.shape[2], ours.shape[3]))
            ).mean()
            for ours, theirs in zip(fused, known, strict=True)
        ]
        return torch.stack(values).sum()

    def _nothing(self, logits: Tensor) -> Tensor:
        """Return a zero that gives every parameter a gradient that a term may leave without.

        Where batches mix sensors, a batch may compare no pair at all; a projection without a
        gradient would leave the other processes waiting for it. So would a network whose
        ``logits`` no term reads.
        """
        values = [parameter.sum() * 0.0 for parameter in self.projections.parameters()]
        if not (self._distillation.ce_weight or self._distillation.logit_weight):
            values.append(logits.sum() * 0.0)
        return torch.stack(values).sum() if values else torch.zeros((), device=self.device)
