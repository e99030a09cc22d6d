"""The terms between the student's and the teacher's features, over all stages and modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustseg_core.distillation.entropy import entropy_regulariser, perturbed
from robustseg_core.distillation.prototypes import (
    Prototypes,
    class_prototypes,
    legacy_divergence,
    one_hot_labels,
    prototype_divergence,
)
from robustseg_core.models.all_mlp_head import resize
from robustseg_core.models.segmenter import Encoded

Pairing = Mapping[str, str]


def same_pairing(names: Sequence[str]) -> dict[str, str]:
    """Pair each of the student's modalities with the same one of the teacher (SPDM, SRM)."""
    return {name: name for name in names}


def hybrid_pairing(names: Sequence[str], generator: torch.Generator) -> dict[str, str]:
    """Pair by a true random permutation of the teacher's modalities (HPDM, HRM; Eq 7)."""
    order = torch.randperm(len(names), generator=generator).tolist()
    return {name: names[position] for name, position in zip(names, order, strict=True)}


def index_pairing(shown: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Pair the k-th modality shown with the teacher's k-th, as the published code does."""
    return dict(zip(shown, names, strict=False))


@dataclass(frozen=True)
class View:
    """What one network made of a batch of B samples.

    Attributes:
        encoded: Features by modality.
        shown: Modality to (B,) bool, which samples showed it.
    """

    encoded: Mapping[str, Encoded]
    shown: Mapping[str, Tensor]


class Projections(nn.Module):
    """Learned 1x1 maps from the student's feature widths to the teacher's, where they differ.

    They belong to the training, not to the student: its checkpoint does not hold them.
    """

    def __init__(self, student: Sequence[int], teacher: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Identity() if narrow == wide else nn.Conv2d(narrow, wide, 1)
            for narrow, wide in zip(student, teacher, strict=True)
        )

    def forward(self, view: View) -> View:
        """Return ``view`` with the student's features at the teacher's widths."""
        return View(
            {
                name: Encoded(
                    [layer(maps) for layer, maps in zip(self.layers, each.maps, strict=True)],
                    each.rows,
                )
                for name, each in view.encoded.items()
            },
            view.shown,
        )


def prototype_term(
    student: View,
    teacher: View,
    labels: Tensor,
    num_classes: int,
    pairing: Pairing,
    *,
    legacy: bool = False,
) -> Tensor:
    """Return L_HPDM (Eq 7): summed over stages and modalities, averaged over the B images.

    Args:
        student: Of what it was shown, at the teacher's widths.
        teacher: Of everything.
        labels: (B, H, W) int64, 255 = ignore.
        num_classes: K.
        pairing: Student's modality to the teacher's it learns from.
        legacy: Compute the divergence as the published code does.
    """
    divergence = legacy_divergence if legacy else prototype_divergence
    total = labels.new_zeros((), dtype=torch.float32)
    for stage in range(len(_first(student))):
        taught = _prototypes(teacher, stage, labels, num_classes)
        for name, learned in _prototypes(student, stage, labels, num_classes).items():
            if pairing.get(name) in taught:
                total = total + divergence(learned, taught[pairing[name]]).sum()
    return total / labels.shape[0]


def entropy_term(student: View, teacher: View, pairing: Pairing) -> Tensor:
    """Return L_RRM (Eq 10): summed over stages and modalities, averaged over the B images.

    Args:
        student: Of what it was shown, at the teacher's widths.
        teacher: Of everything.
        pairing: Student's modality to the teacher's it is compared with.
    """
    everyone = next(iter(student.shown.values()))
    total = torch.zeros((), device=everyone.device)
    for name, learned in student.encoded.items():
        source = pairing.get(name, '')
        if source not in teacher.encoded:
            continue
        both = student.shown[name] & teacher.shown[source]
        rows = _positions(learned, both), _positions(teacher.encoded[source], both)
        if len(rows[0]) == 0:  # no sample is shown on both sides
            continue
        for ours, theirs in zip(learned.maps, teacher.encoded[source].maps, strict=True):
            alike = resize(theirs, ours.shape[2:])
            value = entropy_regulariser(perturbed(ours[rows[0]]), perturbed(alike[rows[1]]))
            total = total + value.sum()
    return total / len(everyone)


def _first(view: View) -> list[Tensor]:
    return next(iter(view.encoded.values())).maps


def _prototypes(view: View, stage: int, labels: Tensor, num_classes: int) -> dict[str, Prototypes]:
    """Return the prototypes (B, K, C) of each modality; samples without it have no class."""
    size = (_first(view)[stage].shape[2], _first(view)[stage].shape[3])
    one_hot = one_hot_labels(labels, num_classes, size)
    found = {}
    for name, each in view.encoded.items():
        maps = each.maps[stage]
        means, counts = class_prototypes(
            maps, one_hot if each.rows is None else one_hot[each.rows]
        )
        if each.rows is not None:
            batch = one_hot.shape[0]
            means = means.new_zeros(batch, *means.shape[1:]).index_copy(0, each.rows, means)
            counts = counts.new_zeros(batch, *counts.shape[1:]).index_copy(0, each.rows, counts)
        found[name] = Prototypes(means, counts * view.shown[name][:, None])
    return found


def _positions(encoded: Encoded, wanted: Tensor) -> Tensor:
    """Return where in ``encoded`` the samples ``wanted`` (B,) bool lie."""
    if encoded.rows is None:
        return wanted.nonzero()[:, 0]
    return wanted[encoded.rows].nonzero()[:, 0]
