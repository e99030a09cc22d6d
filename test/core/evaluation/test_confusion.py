"""Confusion, against scores counted by hand."""

import numpy as np
import pytest
import torch

from robustseg_core.evaluation.confusion import Confusion, pixel_counts


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


def test_accuracy_and_f1_of_each_class_are_counted_by_hand() -> None:
    confusion = Confusion(4)
    # Class 0: 1 of 2 found; class 1: 2 of 3 found, once wrongly; class 2 only predicted.
    confusion.update(predicted=ids(0, 1, 1, 1, 2), truth=ids(0, 0, 1, 1, 1))
    np.testing.assert_allclose(confusion.class_accuracy(), [1 / 2, 2 / 3, np.nan, np.nan])
    np.testing.assert_allclose(confusion.class_f1(), [2 / 3, 4 / 6, 0, np.nan])
    assert confusion.mean_accuracy() == pytest.approx(100 * (1 / 2 + 2 / 3) / 2)
    assert confusion.mean_accuracy(absent_as_zero=True) == pytest.approx(100 * (7 / 6) / 4)
    assert confusion.mean_f1() == pytest.approx(100 * (4 / 3) / 3)
    assert confusion.mean_f1(absent_as_zero=True) == pytest.approx(100 * (4 / 3) / 4)


def test_an_unlabelled_pixel_lowers_accuracy_and_f1() -> None:
    confusion = Confusion(2)
    confusion.update(predicted=ids(0, 255), truth=ids(0, 0))
    assert confusion.class_accuracy()[0] == 1 / 2
    assert confusion.class_f1()[0] == pytest.approx(2 / 3)


def test_pixels_counted_frame_by_frame_on_the_device_are_those_counted_by_numpy() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 5, (3, 7, 9), generator=generator)
    truth[truth == 4] = 255
    predicted = torch.randint(0, 4, (3, 7, 9), generator=generator).to(torch.uint8)
    counts = pixel_counts(predicted, truth, 4)
    assert counts.dtype == np.int64
    for frame in range(3):
        confusion = Confusion(4)
        confusion.update(predicted[frame].numpy(), truth[frame].numpy())
        np.testing.assert_array_equal(counts[frame], confusion.counts)
