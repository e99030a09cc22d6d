"""Strips of inputs, truth and masks."""

import cv2
import numpy as np
import pytest

from robustseg_core.errors import DataError
from robustseg_core.evaluation.strips import Strip, strips
from robustseg_core.labels import LabelSet

LABELS = LabelSet('three', ('road', 'sky', 'car'), ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
TRUTH = np.array([[0, 0, 1, 255]] * 2, np.uint8)
HALF = np.array([[0, 1, 1, 1]] * 2, np.uint8)
PICTURE = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'strips.png'


def strip(*subsets, name='frame 7'):
    return Strip(name, {'rgb': PICTURE, 'depth': PICTURE + 1}, TRUTH, dict.fromkeys(subsets, HALF))


def tiles(figure):
    """Return title and pixels of each tile, frame by frame."""
    return [
        [
            (axes.get_title(), np.asarray(axes.images[0].get_array()))
            for axes in part.axes
            if axes.images
        ]
        for part in figure.subfigs
    ]


def test_inputs_truth_and_masks_come_in_their_colours(path):
    shown = tiles(strips([strip('R', 'RD')], LABELS, path))[0]
    # IoU of road 1/2, of sky 1/2; the pixel without truth counts for nothing.
    assert [title for title, _ in shown] == ['rgb', 'depth', 'truth', 'R   50', 'RD   50']
    np.testing.assert_array_equal(shown[1][1], PICTURE + 1)
    assert shown[2][1][0].tolist() == [[255, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 0]]
    assert shown[3][1][0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 255, 0], [0, 255, 0]]


def test_the_legend_names_the_classes_that_occur(path):
    figure = strips([strip('R')], LABELS, path)
    (legend,) = figure.subfigs[-1].legends
    assert [text.get_text() for text in legend.get_texts()] == ['road', 'sky']


def test_frames_stand_below_each_other_under_their_names(path):
    figure = strips([strip('R', name='one'), strip('R', name='two')], LABELS, path)
    assert [part.get_suptitle() for part in figure.subfigs[:-1]] == ['one', 'two']
    assert [len(block) for block in tiles(figure)] == [4, 4, 0]
    one, two = (part.bbox.y0 for part in figure.subfigs[:2])
    assert one > two


def test_fifteen_subsets_are_broken_into_lines_that_fit(path):
    subsets = [f'S{index}' for index in range(15)]
    figure = strips([strip(*subsets)], LABELS, path)
    block = figure.subfigs[0]
    rows = {}
    for axes in block.axes:
        if axes.images:
            rows.setdefault(axes.get_subplotspec().rowspan.start, []).append(axes.get_title())
    assert [len(row) for _, row in sorted(rows.items())] == [3, 8, 7]
    picture = cv2.imread(str(path))
    assert picture.shape[1] == round(figure.get_size_inches()[0] * figure.dpi)
    # No tile lies upon another.
    boxes = [axes.get_window_extent() for axes in block.axes if axes.images]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_frames_without_a_modality_have_fewer_tiles(path):
    alone = Strip('alone', {'rgb': PICTURE}, TRUTH, {'R': HALF})
    shown = tiles(strips([strip('R', 'D', 'RD'), alone], LABELS, path))
    assert [len(block) for block in shown] == [6, 3, 0]


def test_a_frame_without_truth_gets_no_score(path):
    nothing = Strip('x', {'rgb': PICTURE}, np.full_like(TRUTH, 255), {'R': HALF})
    assert tiles(strips([nothing], LABELS, path))[0][-1][0] == 'R'


def test_what_does_not_fit_is_refused(path):
    with pytest.raises(DataError, match='at least one frame'):
        strips([], LABELS, path)
    wrong = strip('R')._replace(predictions={'R': HALF[:, :3]})
    with pytest.raises(DataError, match=r"'R' of frame 'frame 7' has shape \(2, 3\); wanted"):
        strips([wrong], LABELS, path)
    assert not path.exists()
