"""Confusion, against scores counted by hand."""

import numpy as np
import pytest

from robustseg_core.evaluation.confusion import Confusion


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)


def test_iou_of_each_class_is_hits_over_union() -> None:
    confusion = Confusion(3)
    confusion.update(predicted=ids(0, 0, 1, 1), truth=ids(0, 1, 1, 1))
    np.testing.assert_allclose(confusion.class_iou()[:2], [1 / 2, 2 / 3])
    assert np.isnan(confusion.class_iou()[2])


def test_both_conventions_of_the_mean() -> None:
    confusion = Confusion(3)
    confusion.update(predicted=ids(0, 0, 1, 1), truth=ids(0, 1, 1, 1))
    assert confusion.mean_iou() == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)
    assert confusion.mean_iou(absent_as_zero=True) == pytest.approx(100 * (1 / 2 + 2 / 3) / 3)


def test_ignored_pixels_do_not_count() -> None:
    confusion = Confusion(2)
    confusion.update(predicted=ids(0, 1, 1), truth=ids(0, 255, 1))
    assert confusion.mean_iou() == 100


def test_an_unlabelled_pixel_is_a_miss_of_its_class_only() -> None:
    confusion = Confusion(2)
    confusion.update(predicted=ids(0, 255, 1), truth=ids(0, 0, 1))
    np.testing.assert_allclose(confusion.class_iou(), [1 / 2, 1])


def test_counts_stay_exact_beyond_what_float32_can_count() -> None:
    confusion = Confusion(2)
    confusion.counts[0, 0] = 2**24
    confusion.update(predicted=ids(0), truth=ids(0))
    assert confusion.counts[0, 0] == 2**24 + 1


def test_counts_add_up_over_frames() -> None:
    whole, parts = Confusion(2), Confusion(2)
    whole.update(ids(0, 1, 0, 0), ids(0, 1, 1, 0))
    parts.update(ids(0, 1), ids(0, 1))
    parts.update(ids(0, 0), ids(1, 0))
    np.testing.assert_array_equal(whole.counts, parts.counts)
