"""The evaluation protocols of the papers.

What they do to a sensor that is missing is theirs, whatever the checkpoint was trained for: where
``missing`` is ``drop``, any-modal shows the network at its work; where it is ``zero``, EMM does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from robustseg_core.data.deliver import CASES
from robustseg_core.data.sample import Batch
from robustseg_core.errors import ConfigError
from robustseg_core.evaluation.scores import Evaluation, SubsetScores
from robustseg_core.evaluation.scoring import Tallies, Watcher, score, words
from robustseg_core.evaluation.trials import Plan, Subset, Trial
from robustseg_core.modalities import ModalitySet
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.torch_backend import TorchBackend

PROTOCOLS = ('any_modal', 'emm', 'rmm', 'nm', 'conditions')


def use_of(network: SegmenterConfig) -> str:
    """Return the protocol that misses sensors as the network was trained to miss them."""
    return 'emm' if network.missing == 'zero' else 'any_modal'


def shows_zeroed(network: SegmenterConfig, protocols: Collection[str]) -> bool:
    """Tell whether pictures show subsets with the other sensors zeroed, rather than left out.

    They show the network's own use where that is among ``protocols``, else what is.
    """
    use = use_of(network)
    return 'emm' in protocols and (use == 'emm' or use not in protocols)


def every_subset(network: Backend | MultimodalSegmenter, batches: Iterable[Batch]) -> SubsetScores:
    """Score every non-empty subset of the modalities, as the network is to be used.

    A sensor that is missing is left out (any-modal; RobustSeg, Table 1) or, of a network that was
    trained to miss it as a black image, zeroed (EMM). Arguments and errors are ``evaluate``'s.
    """
    scores = evaluate(network, batches, (use_of(network.config),))
    found = scores.any_modal or scores.emm
    assert found is not None  # it was asked for
    return found


def evaluate(
    network: Backend | MultimodalSegmenter,
    batches: Iterable[Batch],
    protocols: Collection[str] = PROTOCOLS,
    *,
    seed: int = 0,
    watcher: Watcher | None = None,
) -> Evaluation:
    """Score a network by several protocols in one pass over the frames.

    A frame that lacks a sensor is scored in the trials that do without it: any-modal and EMM for
    the subsets it has; RMM (which corrupts the other sensors, not removes them) and NM not at all.

    Args:
        network: What computes; a model is computed by torch, on the CPU, and not changed.
        batches: The frames, normalised as the network wants them.
        protocols: Of ``PROTOCOLS``.
        seed: Of what RMM and NM draw.
        watcher: Sees the clean features and every prediction.

    Raises:
        ConfigError: No such protocol.
        DataError: There is no frame, or a label is no class of the network.
    """
    if unknown := sorted(set(protocols) - set(PROTOCOLS)):
        msg = f'Unknown protocols {unknown}; known are {list(PROTOCOLS)}.'
        raise ConfigError(msg)
    if isinstance(network, MultimodalSegmenter):
        network = TorchBackend(network)
    modalities = network.config.modalities
    plan = Plan.of(modalities, frozenset(protocols))
    tallies = score(network, batches, plan.trials(), seed=seed, watcher=watcher)

    def subsets(trials: Mapping[Subset, Trial], word: str | None = None) -> SubsetScores:
        return _subset_scores(modalities, trials, tallies, word)

    return Evaluation(
        modalities=modalities,
        labels=network.config.labels,
        frames=sum(tallies.frames.values()),
        any_modal=subsets(plan.any_modal) if plan.any_modal else None,
        emm=subsets(plan.emm) if plan.emm else None,
        rmm={rate: subsets(trials) for rate, trials in plan.rmm.items()},
        nm={
            level: tallies.of[trial].total()
            for level, trial in plan.nm.items()
            if tallies.of[trial].count()
        },
        conditions={
            word: subsets(plan.conditions, word)
            for word in (_words_in_order(tallies) if plan.conditions else ())
        },
    )


def _subset_scores(
    modalities: ModalitySet, trials: Mapping[Subset, Trial], tallies: Tallies, word: str | None
) -> SubsetScores:
    return SubsetScores(
        modalities=modalities,
        counts={subset: tallies.of[trial].total(word) for subset, trial in trials.items()},
        frames=sum(
            count
            for condition, count in tallies.frames.items()
            if word is None or word in words(condition)
        ),
        scored={subset: tallies.of[trial].count(word) for subset, trial in trials.items()},
    )


def _words_in_order(tallies: Tallies) -> list[str]:
    """Return every weather and fault that occurs: weathers first, then the papers' order."""
    position: dict[str, int] = {}
    for condition in tallies.frames:
        for index, word in enumerate(words(condition)):
            position[word] = min(index, position.get(word, index))

    def rank(word: str) -> tuple[int, int, str]:
        return position[word], CASES.index(word) if word in CASES else len(CASES), word

    return sorted(position, key=rank)
