"""The protocols as data: what each of their scores feeds the network.

A trial is a set of images whose features are averaged. Trials of different protocols share their
images, and images are encoded once (``robustseg_core.evaluation.scoring``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from robustseg_core.data.corruption import MISSING_RATES, NOISE_LEVELS, Level, RandomMissing
from robustseg_core.modalities import ModalitySet
from robustseg_core.models.config import SegmenterConfig

Subset = tuple[str, ...]


class Source(NamedTuple):
    """The image of a modality, as it is (None) or corrupted."""

    modality: str
    level: Level | None = None


@dataclass(frozen=True)
class Trial:
    """One way to feed the network.

    Attributes:
        sources: Images whose features enter the mean.
        blanks: How often the features of the all-zero image enter it beside them.
    """

    sources: tuple[Source, ...]
    blanks: int = 0

    @property
    def needs(self) -> Subset:
        """The modalities that a frame must have."""
        return tuple(source.modality for source in self.sources)

    def seen(self, network: SegmenterConfig) -> Subset:
        """Return the modalities that the network takes to be there.

        A network that was trained to miss sensors as black images knows a black one to be missing;
        to any other it is an image.
        """
        is_told = not self.blanks or network.missing == 'zero'
        return self.needs if is_told else network.modalities.names

    @property
    def level(self) -> Level | None:
        """The corruption of those images that have one."""
        return next((source.level for source in self.sources if source.level), None)


def leaving_out(modalities: ModalitySet) -> dict[Subset, Trial]:
    """Return any-modal's trials (RobustSeg, Table 1): the subset alone, the others left out."""
    return {
        subset: Trial(tuple(Source(name) for name in subset)) for subset in modalities.subsets()
    }


def zeroing(modalities: ModalitySet) -> dict[Subset, Trial]:
    """Return EMM's trials: all but the subset are zero, encoded, and enter the mean over all."""
    return {
        subset: Trial(tuple(Source(name) for name in subset), len(modalities) - len(subset))
        for subset in modalities.subsets()
    }


def partly_zeroing(modalities: ModalitySet, rate: float) -> dict[Subset, Trial]:
    """Return RMM's trials: all but the subset lose elements at ``rate``."""
    level = RandomMissing(rate)
    return {
        subset: Trial(
            tuple(Source(name, None if name in subset else level) for name in modalities.names)
        )
        for subset in modalities.subsets()
    }


def noise(modalities: ModalitySet) -> dict[str, Trial]:
    """Return NM's trials by the name of their level: all modalities are noisy."""
    return {
        level.name: Trial(tuple(Source(name, level) for name in modalities.names))
        for level in NOISE_LEVELS
    }


@dataclass(frozen=True)
class Plan:
    """The trials of the protocols that are wanted; empty where one is not.

    Attributes:
        any_modal: By subset.
        emm: By the subset that is not zeroed.
        rmm: By rate, by the subset that is left whole.
        nm: By the name of the level.
        conditions: By subset; scored per condition.
    """

    any_modal: Mapping[Subset, Trial]
    emm: Mapping[Subset, Trial]
    rmm: Mapping[float, Mapping[Subset, Trial]]
    nm: Mapping[str, Trial]
    conditions: Mapping[Subset, Trial]

    @classmethod
    def of(cls, modalities: ModalitySet, protocols: frozenset[str]) -> Plan:
        """Return the plan of ``protocols``, each the name of a field."""
        rates = MISSING_RATES if 'rmm' in protocols else ()
        return cls(
            any_modal=leaving_out(modalities) if 'any_modal' in protocols else {},
            emm=zeroing(modalities) if 'emm' in protocols else {},
            rmm={rate: partly_zeroing(modalities, rate) for rate in rates},
            nm=noise(modalities) if 'nm' in protocols else {},
            conditions=leaving_out(modalities) if 'conditions' in protocols else {},
        )

    def trials(self) -> list[Trial]:
        """Return every trial once, those of one corruption after another, the clean ones first."""
        wanted: dict[Trial, None] = {}  # in order, without repetition
        for group in (self.any_modal, self.emm, self.conditions, *self.rmm.values()):
            wanted |= dict.fromkeys(group.values())
        wanted |= dict.fromkeys(self.nm.values())
        clean = [trial for trial in wanted if trial.level is None]
        return clean + [trial for trial in wanted if trial.level is not None]
