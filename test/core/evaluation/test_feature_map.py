"""The map of features; t-SNE itself runs where scikit-learn is installed."""

import sys

import cv2
import numpy as np
import pytest

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.evaluation import feature_map
from robustseg_core.evaluation.feature_map import feature_tsne
from robustseg_core.labels import LabelSet

LABELS = LabelSet('three', ('road', 'sky', 'car'), ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
COUNT = 60


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'features.png'


@pytest.fixture
def pixels():
    """Features of two classes that lie far apart, of two modalities."""
    rng = np.random.default_rng(0)
    class_ids = np.arange(COUNT) % 2 * 2  # road and car
    features = rng.normal(size=(COUNT, 5)) + 20 * class_ids[:, None]
    names = ['rgb' if index < COUNT // 3 else 'lidar' for index in range(COUNT)]
    return features.astype(np.float32), class_ids, names


@pytest.fixture
def identity(monkeypatch):
    """In place of t-SNE the first two features."""
    monkeypatch.setattr(feature_map, '_embedded', lambda features, seed: features[:, :2])


def test_points_have_the_place_the_colour_and_the_marker_of_their_pixel(path, pixels, identity):
    features, class_ids, names = pixels
    (axes,) = feature_tsne(features, class_ids, names, LABELS, path, seed=0).axes
    rgb, lidar = axes.collections
    assert (rgb.get_label(), lidar.get_label()) == ('rgb', 'lidar')
    np.testing.assert_allclose(rgb.get_offsets(), features[: COUNT // 3, :2])
    palette = np.array(LABELS.palette) / 255
    np.testing.assert_allclose(lidar.get_facecolors()[:, :3], palette[class_ids[COUNT // 3 :]])
    assert rgb.get_paths()[0] != lidar.get_paths()[0]
    height, width = cv2.imread(str(path)).shape[:2]
    assert (width, height) == tuple(np.rint(axes.figure.get_size_inches() * axes.figure.dpi))


def test_the_legend_names_modalities_and_the_classes_that_occur(path, pixels, identity):
    figure = feature_tsne(*pixels, LABELS, path, seed=0)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [name for name in names if name.strip()] == ['rgb', 'lidar', 'road', 'car']


def test_unlabelled_pixels_are_left_out(path, pixels, identity):
    features, class_ids, names = pixels
    class_ids = class_ids.copy()
    class_ids[::3] = 255
    (axes,) = feature_tsne(features, class_ids, names, LABELS, path, seed=0).axes
    shown = np.concatenate([each.get_offsets() for each in axes.collections])
    np.testing.assert_allclose(shown, features[class_ids != 255, :2])


def test_of_very_many_pixels_some_are_drawn_by_the_seed(path, identity, monkeypatch):
    monkeypatch.setattr(feature_map, 'MOST', 20)
    features = np.arange(200, dtype=np.float32).reshape(100, 2)

    def shown(seed):
        ids = np.zeros(100, np.int64)
        (axes,) = feature_tsne(features, ids, ['rgb'] * 100, LABELS, path, seed).axes
        return axes.collections[0].get_offsets().data

    assert len(shown(1)) == 20
    assert len(np.unique(shown(1), axis=0)) == 20
    np.testing.assert_array_equal(shown(1), shown(1))
    assert (shown(1) != shown(2)).any()


def test_tsne_keeps_apart_what_is_far_apart_and_repeats_itself(path, pixels):
    pytest.importorskip('sklearn', reason='scikit-learn is not installed')
    features, class_ids, names = pixels

    def places():
        (axes,) = feature_tsne(features, class_ids, names, LABELS, path, seed=3).axes
        return np.concatenate([each.get_offsets().data for each in axes.collections])

    found = places()
    distances = np.linalg.norm(found[:, None] - found[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    # The nearest neighbour of every pixel is of its class.
    np.testing.assert_array_equal(class_ids[distances.argmin(axis=1)], class_ids)
    np.testing.assert_array_equal(places(), found)


def test_wide_features_and_few_pixels_can_be_embedded(path):
    pytest.importorskip('sklearn', reason='scikit-learn is not installed')
    rng = np.random.default_rng(0)
    for count, channels in ((12, 3), (12, 80), (60, 80)):
        features = rng.normal(size=(count, channels)).astype(np.float32)
        ids = np.zeros(count, np.int64)
        (axes,) = feature_tsne(features, ids, ['rgb'] * count, LABELS, path, seed=0).axes
        assert np.isfinite(axes.collections[0].get_offsets()).all()


def test_without_scikit_learn_it_says_what_to_install(path, pixels, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn.manifold', None)
    with pytest.raises(ConfigError, match=r'scikit-learn, which .*: `pip install scikit-learn`'):
        feature_tsne(*pixels, LABELS, path, seed=0)
    assert not path.exists()


def test_what_does_not_fit_is_refused(path, pixels):
    features, class_ids, names = pixels
    with pytest.raises(DataError, match=r'\(60, 5\), class ids \(60,\) .* \(59,\) do not fit'):
        feature_tsne(features, class_ids, names[1:], LABELS, path, seed=0)
    with pytest.raises(DataError, match='There are 9 labelled pixels'):
        feature_tsne(features[:9], class_ids[:9], names[:9], LABELS, path, seed=0)
    features = features.copy()
    features[3, 3] = np.inf
    with pytest.raises(DataError, match='NaN or infinite'):
        feature_tsne(features, class_ids, names, LABELS, path, seed=0)
