"""How the cost grows with pixels and modalities."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from robustseg_core.benchmarking.peers import Comparison, Score
from robustseg_core.files import replacing


def draw_growth(comparison: Comparison, path: Path) -> None:
    """Draw frame time and memory over pixels, frame and last-image time over modalities: a PNG.

    Raises:
        OSError: ``path`` cannot be written.
    """
    known = comparison.scores[0].of
    whole = [score for score in comparison.scores if score.modalities == known]
    sizes = {score.size for score in comparison.scores if score.modalities < known}
    swept = [score for score in comparison.scores if score.size in sizes]
    figure = Figure(figsize=(13, 4), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    for score_group in _by_name(whole):
        pixels = [score.size**2 / 1e6 for score in score_group]
        name = score_group[0].name
        axes[0].plot(pixels, [s.frame.p50_ms for s in score_group], 'o-', label=name)
        axes[1].plot(pixels, [s.peak_mb for s in score_group], 'o-', label=name)
    for axis, what in zip(axes, ('frame, p50 (ms)', 'memory (MB)'), strict=False):
        _label(axis, f'{known} modalities', 'million pixels', what)
        axis.set_xscale('log')
    for score_group in _by_name(swept):
        numbers = [score.modalities for score in score_group]
        name = score_group[0].name
        line = axes[2].plot(numbers, [s.frame.p50_ms for s in score_group], 'o-', label=name)[0]
        axes[2].plot(numbers, [s.last.p50_ms for s in score_group], 'x--', color=line.get_color())
    if swept:
        title = f'{swept[0].size}x{swept[0].size}; dashed: from the last image'
        _label(axes[2], title, 'modalities', 'p50 (ms)')
        axes[2].set_xticks(range(1, known + 1))
    axes[0].legend(fontsize=8)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=110, format='png')


def _by_name(scores: Iterable[Score]) -> list[list[Score]]:
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.name, []).append(score)
    return list(groups.values())


def _label(axis: Any, title: str, across: str, up: str) -> None:
    axis.set(title=title, xlabel=across, ylabel=up, yscale='log')
    axis.grid(visible=True, which='both', alpha=0.3)
