"""The pictures of a report, by the figures they are drawn from."""

from itertools import pairwise
import math
import sys

import cv2
import matplotlib
from matplotlib.colors import to_hex
import numpy as np
import pytest

from robustseg_core.errors import DataError, WriteError
from robustseg_core.evaluation.plots import (
    class_iou_bars,
    confusion_matrix,
    learning_curves,
    subset_bars,
)
from robustseg_core.labels import LabelSet

LABELS = LabelSet('three', ('road', 'sky', 'car'), ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
SCORES = {
    'mine': {'R': 40.0, 'D': 50.0, 'RD': 60.4},
    'theirs': {'R': 41.0, 'D': math.nan, 'RD': 61.0, 'mean': 45.5},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'picture.png'


def legend_texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def swatch_colours(axes):
    return [[to_hex(c) for c in collection.get_facecolors()] for collection in axes.collections]


def test_the_picture_is_a_png_of_the_figures_size(path):
    figure = subset_bars(SCORES, path)
    height, width = cv2.imread(str(path)).shape[:2]
    assert (width, height) == tuple(np.rint(figure.get_size_inches() * figure.dpi))
    assert len(np.unique(cv2.imread(str(path)).reshape(-1, 3), axis=0)) > 10


def test_the_same_scores_give_the_same_bytes(path):
    subset_bars(SCORES, path)
    before = path.read_bytes()
    subset_bars(SCORES, path)
    assert path.read_bytes() == before


def test_drawing_needs_no_pyplot_and_leaves_the_settings_alone(path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib.pyplot', None)
    # Not through the mapping itself, which chooses a backend when asked for it.
    before = list(dict.items(matplotlib.rcParams))
    subset_bars(SCORES, path)
    assert list(dict.items(matplotlib.rcParams)) == before
    assert path.exists()


def test_subset_bars_are_as_high_as_the_scores_with_the_mean_at_the_end(path):
    (axes,) = subset_bars(SCORES, path).axes
    mine, theirs = ([bar.get_height() for bar in bars] for bars in axes.containers)
    assert mine == pytest.approx([40.0, 50.0, 60.4, (40 + 50 + 60.4) / 3])
    assert theirs == [41.0, 0.0, 61.0, 45.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ['R', 'D', 'RD', 'mean']
    assert texts(axes) == ['40', '50', '60', '50', '41', '\u2013', '61', '46']
    assert legend_texts(axes) == ['mine', 'theirs']


def test_bars_of_a_subset_stand_side_by_side(path):
    (axes,) = subset_bars(SCORES, path).axes
    bars = sorted(
        (bar.get_x(), bar.get_x() + bar.get_width()) for group in axes.containers for bar in group
    )
    assert all(left[1] <= right[0] for left, right in pairwise(bars))


def test_class_bars_carry_their_names_and_colours(path):
    rows = {'R': np.array([0.5, np.nan, 0.123]), 'RD': np.array([0.6, 0.7, 1.0])}
    (axes,) = class_iou_bars(rows, LABELS, path).axes
    first, second = ([bar.get_width() for bar in bars] for bars in axes.containers)
    assert first == pytest.approx([50.0, 0.0, 12.3])
    assert second == pytest.approx([60.0, 70.0, 100.0])
    assert texts(axes) == ['50.0', '\u2013', '12.3', '60.0', '70.0', '100.0']
    assert [label.get_text() for label in axes.get_yticklabels()] == list(LABELS.classes)
    assert swatch_colours(axes) == [['#ff0000', '#00ff00', '#0000ff']]
    assert axes.get_ylim() == (2.5, -0.5)  # the first class is at the top


def test_many_series_become_a_table_of_classes_by_series(path):
    rows = {letters: np.array([0.1 * n, np.nan, 0.9]) for n, letters in enumerate('RDELX')}
    (axes,) = class_iou_bars(rows, LABELS, path).axes
    shown = axes.images[0].get_array()
    assert shown.shape == (3, 5)
    np.testing.assert_allclose(shown[0], [0, 10, 20, 30, 40])
    assert shown.mask[1].all()
    assert [label.get_text() for label in axes.get_xticklabels()] == list('RDELX')
    assert texts(axes) == ['0', '10', '20', '30', '40', *['90'] * 5]


def test_confusion_is_in_percent_of_the_true_class(path):
    counts = np.array([[6, 3, 1], [0, 0, 0], [0, 996, 4]], np.int64)
    (axes,) = confusion_matrix(counts, LABELS, path).axes
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown[[0, 2]], [[60, 30, 10], [0, 99.6, 0.4]])
    assert shown.mask[1].all()
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        'road',
        'sky (absent)',
        'car',
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(LABELS.classes)
    # What rounds to nothing is not written.
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {
        ((0, 0), '60'),
        ((1, 0), '30'),
        ((2, 0), '10'),
        ((1, 2), '100'),
    }
    assert axes.get_xlabel() == 'predicted class'
    assert axes.get_ylabel() == 'true class'


def test_more_pixels_than_32_bits_hold_do_not_wrap(path):
    counts = np.diag([2**40, 1, 1]).astype(np.int64)
    counts[0, 1] = 2**40
    (axes,) = confusion_matrix(counts, LABELS, path).axes
    np.testing.assert_allclose(axes.images[0].get_array()[0], [50, 50, 0])


def test_curves_hold_the_steps_and_values(path):
    curves = {'teacher': ([0, 10, 20], [1.0, 5.0, 6.0]), 'student': ([0, 20], [2.0, 7.0])}
    (axes,) = learning_curves(curves, path, 'mIoU (%)').axes
    teacher, student = axes.lines
    np.testing.assert_array_equal(teacher.get_xydata(), [[0, 1], [10, 5], [20, 6]])
    np.testing.assert_array_equal(student.get_xydata(), [[0, 2], [20, 7]])
    assert legend_texts(axes) == ['teacher', 'student']
    assert axes.get_ylabel() == 'mIoU (%)'


def test_series_differ_in_colour_or_line(path):
    curves = {str(n): ([0, 1], [0.0, n]) for n in range(14)}
    (axes,) = learning_curves(curves, path, 'loss').axes
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 14


def test_what_does_not_fit_is_refused(path):
    for draw in (
        lambda: subset_bars({}, path),
        lambda: class_iou_bars({}, LABELS, path),
        lambda: learning_curves({}, path, 'loss'),
    ):
        with pytest.raises(DataError, match='wanted at least one series'):
            draw()
    with pytest.raises(DataError, match=r"IoU of 'R' has shape \(2,\); wanted \(3,\)"):
        class_iou_bars({'R': np.zeros(2)}, LABELS, path)
    with pytest.raises(DataError, match=r'shape \(3, 4\); wanted \(3, 3\)'):
        confusion_matrix(np.zeros((3, 4), np.int64), LABELS, path)
    with pytest.raises(DataError, match="Curve 'a' has 2 steps, but 1 values"):
        learning_curves({'a': ([1, 2], [1.0])}, path, 'loss')
    assert not path.exists()


def test_a_picture_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(WriteError, match=r"nowhere/x\.png' cannot be written"):
        subset_bars(SCORES, tmp_path / 'nowhere' / 'x.png')
