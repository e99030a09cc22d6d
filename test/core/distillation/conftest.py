"""The published loops in numpy: per image, per class, per channel, in double precision."""

import math

import numpy as np
import pytest


def nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return labels (H, W) at ``size``, each taken from where its corner falls."""
    height, width = labels.shape
    rows = [math.floor(y * height / size[0]) for y in range(size[0])]
    columns = [math.floor(x * width / size[1]) for x in range(size[1])]
    return np.array([[labels[y, x] for x in columns] for y in rows])


def class_means(features, labels, num_classes) -> dict[int, tuple[np.ndarray, int]]:
    """Return mean (C,) and number of pixels of each class in features (C, h, w) of an image."""
    features = np.asarray(features, np.float64)
    small = nearest(np.asarray(labels), features.shape[1:])
    found = {}
    for index in range(num_classes):
        pixels = [features[:, y, x] for y, x in zip(*np.nonzero(small == index), strict=True)]
        if pixels:
            found[index] = (sum(pixels) / len(pixels), len(pixels))
    return found


def softmax(values: list[float]) -> list[float]:
    weights = [math.exp(value - max(values)) for value in values]
    return [weight / sum(weights) for weight in weights]


def channel_divergence(student: list[float], teacher: list[float]) -> float:
    """Return the sum over the classes of p_T log(p_T / p_S)."""
    pairs = zip(softmax(teacher), softmax(student), strict=True)
    return sum(p * math.log(p / q) for p, q in pairs)


def masked_divergence(student, teacher, num_classes) -> float:
    """Return Eq 7's KL of an image, over the classes that both sides have."""
    both = sorted(set(student) & set(teacher))
    if not both:
        return 0.0
    channels = len(student[both[0]][0])
    total = 0.0
    for channel in range(channels):
        total += channel_divergence(
            [student[index][0][channel] for index in both],
            [teacher[index][0][channel] for index in both],
        )
    return total / (num_classes * channels)


def published_divergence(student, teacher, num_classes) -> float:
    """Return the released code's KL of an image: divided twice, absent classes as zero."""
    channels = len(next(iter(student.values()))[0])
    total = 0.0
    for channel in range(channels):
        sides = [
            [
                side[index][0][channel] / side[index][1] if index in side else 0.0
                for index in range(num_classes)
            ]
            for side in (student, teacher)
        ]
        total += channel_divergence(*sides)
    return total / (num_classes * channels)


@pytest.fixture
def by_loops() -> dict[str, object]:
    """Give the loops by their names."""
    return {
        each.__name__: each
        for each in (nearest, class_means, softmax, masked_divergence, published_divergence)
    }
