"""Where pixels lie in feature space, by class and by modality (RobustSeg, Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.evaluation.canvas import INK, class_colour, new_figure, save
from robustseg_core.labels import LabelSet
from robustseg_core.packages import load_problem

MARKERS = ('o', '^', 's', 'P', 'D', 'v', 'X', '*')
FEWEST = 10
MOST = 4000  # more take minutes, and cover each other
_COMPONENTS = 50  # van der Maaten and Hinton: PCA to about this many before t-SNE
_PERPLEXITY = 30.0


def feature_tsne(
    features: NDArray[np.float32],
    class_ids: NDArray[np.integer[Any]],
    modality_names: Sequence[str],
    labels: LabelSet,
    path: Path,
    seed: int,
) -> Figure:
    """Draw pixels by t-SNE of their features: colour = class, marker = modality.

    Args:
        features: (N, C) of the pixels; of more than 4000 so many are drawn at random.
        class_ids: (N,) true classes; pixels of none (255) are left out.
        modality_names: N names, of the modality that each pixel's feature is of.
        labels: Names and colours of the classes.
        path: The PNG.
        seed: Of the choice of pixels and of t-SNE.

    Returns:
        The figure, saved; one scatter for each modality, labelled with its name.

    Raises:
        ConfigError: scikit-learn is not installed.
        DataError: Lengths differ, a feature is not finite, there are fewer than 10 labelled
            pixels, or the file cannot be written.
    """
    modalities = np.asarray(modality_names)
    if features.ndim != 2 or not len(features) == len(class_ids) == len(modalities):
        msg = (
            f'Features {features.shape}, class ids {np.shape(class_ids)} and modality names '
            f'({len(modalities)},) do not fit; wanted (N, C), (N,) and (N,).'
        )
        raise DataError(msg)
    if not np.isfinite(features).all():
        msg = 'Features hold NaN or infinite values; wanted none.'
        raise DataError(msg)
    names = list(dict.fromkeys(modality_names))
    chosen = _choice(np.asarray(class_ids), len(labels), seed)
    places = _embedded(features[chosen], seed)
    ids, modalities = np.asarray(class_ids)[chosen], modalities[chosen]
    figure = new_figure(9.6, 6.8)
    axes = figure.subplots()
    palette = np.array([class_colour(labels, class_id) for class_id in range(len(labels))])
    for index, name in enumerate(names):
        here = modalities == name
        axes.scatter(
            places[here, 0],
            places[here, 1],
            s=22 if len(places) <= 1500 else 12,
            c=palette[ids[here]],
            marker=MARKERS[index % len(MARKERS)],
            alpha=0.8,
            edgecolors='white',
            linewidths=0.25,
            label=name,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color('#c9ccd1')
    axes.set_title(
        f't-SNE of {len(places)} pixels: colour = true class, marker = modality',
        fontsize=10,
        color=INK,
        loc='left',
    )
    _legends(figure, names, np.unique(ids), labels)
    return save(figure, path)


def _choice(class_ids: NDArray[Any], num_classes: int, seed: int) -> NDArray[np.intp]:
    """Return the indices of the pixels to draw, in order."""
    labelled = np.flatnonzero(class_ids < num_classes)
    if len(labelled) < FEWEST:
        msg = f'There are {len(labelled)} labelled pixels; t-SNE wants at least {FEWEST}.'
        raise DataError(msg)
    if len(labelled) <= MOST:
        return labelled
    return np.sort(np.random.default_rng(seed).choice(labelled, MOST, replace=False))


def _embedded(features: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return places (N, 2)."""
    if why := load_problem('sklearn.manifold'):
        msg = f't-SNE needs scikit-learn, which {why}: `pip install scikit-learn`.'
        raise ConfigError(msg)
    from sklearn.decomposition import PCA  # type: ignore
    from sklearn.manifold import TSNE  # type: ignore

    count, channels = features.shape
    if channels > _COMPONENTS and count > _COMPONENTS:
        features = PCA(_COMPONENTS, random_state=seed).fit_transform(features)
    perplexity = min(_PERPLEXITY, (count - 1) / 3)
    embedding = TSNE(2, perplexity=perplexity, random_state=seed, init='pca')
    return np.asarray(embedding.fit_transform(features), np.float32)


def _legends(
    figure: Figure, names: Sequence[str], class_ids: NDArray[Any], labels: LabelSet
) -> None:
    """Name the modalities, then the classes that occur, right of the map."""
    markers = [
        Line2D([], [], linestyle='', marker=MARKERS[index % len(MARKERS)], color=INK, label=name)
        for index, name in enumerate(names)
    ]
    colours = [
        Line2D(
            [],
            [],
            linestyle='',
            marker='s',
            markersize=8,
            color=class_colour(labels, int(class_id)),
            label=labels.classes[int(class_id)],
        )
        for class_id in class_ids
    ]
    gap = Line2D([], [], linestyle='', label=' ')
    figure.legend(
        handles=[*markers, gap, *colours],
        loc='outside right upper',
        frameon=False,
        fontsize=8.5,
        ncols=1 if len(markers) + len(colours) <= 34 else 2,
        labelspacing=0.35,
    )
