"""The protocols against one plain forward pass per frame and combination."""

from dataclasses import replace
from itertools import combinations
import weakref

import numpy as np
import pytest
import torch

from robustseg_core.data.corruption import NOISE_LEVELS, RandomMissing, corrupted
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.evaluation.protocols import PROTOCOLS, evaluate, every_subset, shows_zeroed
from robustseg_core.evaluation.report import any_modal_table
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.openvino_backend import OpenVinoBackend
from robustseg_core.runtime.torch_backend import TorchBackend

NAMES = ('rgb', 'depth', 'event', 'lidar')
SUBSETS = [subset for size in range(1, 5) for subset in combinations(NAMES, size)]


def frames_of(batches):
    for batch in batches:
        for row, frame in enumerate(batch['ids']):
            images = {name: image[row] for name, image in batch['images'].items()}
            yield frame, batch['conditions'][row], images, batch['labels'][row]


@torch.no_grad()
def counted(model, batches, feed, wanted=lambda condition: True):
    """Count pixel by pixel what the unfolded network makes of ``feed(frame, images)``."""
    counts = np.zeros((3, 4), np.int64)
    for frame, condition, images, truth in frames_of(batches):
        if wanted(condition):
            fed = {name: image[None] for name, image in feed(frame, images).items()}
            predicted = model(fed)[0].argmax(0)
            pairs = zip(truth.flatten().tolist(), predicted.flatten().tolist(), strict=True)
            for true, seen in pairs:
                if true != 255:
                    counts[true, seen] += 1
    return counts


def assert_close(confusion, expected):
    assert confusion.counts.sum() == expected.sum() > 0
    # The folded head may round a handful of ties the other way.
    assert np.abs(confusion.counts - expected).sum() <= 8


def test_any_modal_scores_each_subset_as_if_the_others_were_never_there(model, make_batches):
    scores = every_subset(model, make_batches(2))

    assert scores.frames == 2
    assert list(scores.counts) == SUBSETS
    for subset, confusion in scores.counts.items():
        expected = counted(
            model, make_batches(2), lambda _, images, s=subset: {n: images[n] for n in s}
        )
        assert_close(confusion, expected)
    # The subsets do differ, or the comparison would say nothing.
    assert len({confusion.counts.tobytes() for confusion in scores.counts.values()}) == 15


def test_emm_encodes_zero_images_in_place_of_the_others(model, make_batches):
    scores = evaluate(model, make_batches(2), ['emm']).emm

    for subset, confusion in scores.counts.items():
        expected = counted(
            model,
            make_batches(2),
            lambda _, images, s=subset: {
                n: image if n in s else torch.zeros_like(image) for n, image in images.items()
            },
        )
        assert_close(confusion, expected)
    anyway = every_subset(model, make_batches(2))
    assert (anyway.counts['rgb',].counts != scores.counts['rgb',].counts).any()


def test_a_network_trained_on_black_images_is_scored_on_them(model, make_batches):
    black = MultimodalSegmenter(replace(model.config, missing='zero'))
    black.load_state_dict(model.state_dict())
    emm = evaluate(black, make_batches(2), ['emm']).emm
    assert every_subset(black, make_batches(2)).mean_ious() == emm.mean_ious()


def test_another_library_scores_the_same(model, make_batches):
    pytest.importorskip('openvino')
    pytest.importorskip('onnx')
    batches = make_batches(2)
    ours = every_subset(model, batches)
    theirs = every_subset(OpenVinoBackend.of(model), batches)
    for subset, confusion in ours.counts.items():
        assert_close(theirs.counts[subset], confusion.counts)


def test_rmm_makes_holes_in_the_others(model, make_batches):
    rmm = evaluate(model, make_batches(2), ['rmm'], seed=3).rmm

    assert list(rmm) == [0.25, 0.5, 0.75]
    for rate, scores in rmm.items():
        level = RandomMissing(rate)
        for subset in [('rgb',), ('depth', 'lidar'), NAMES]:
            expected = counted(
                model,
                make_batches(2),
                lambda frame, images, s=subset, at=level: {
                    n: image if n in s else corrupted(image, n, at, frame, 3)
                    for n, image in images.items()
                },
            )
            assert_close(scores.counts[subset], expected)


def test_nm_puts_noise_on_everything(model, make_batches):
    nm = evaluate(model, make_batches(2), ['nm'], seed=3).nm

    assert list(nm) == ['Low', 'Mid', 'High']
    for level in NOISE_LEVELS:
        expected = counted(
            model,
            make_batches(2),
            lambda frame, images, at=level: {
                n: corrupted(image, n, at, frame, 3) for n, image in images.items()
            },
        )
        assert_close(nm[level.name], expected)


def test_conditions_gather_the_frames_that_name_them(model, make_batches):
    conditions = evaluate(model, make_batches(4), ['conditions']).conditions

    # sun, fog, night+motionblur, sun+motionblur: weathers first, then faults.
    assert {word: scores.frames for word, scores in conditions.items()} == {
        'fog': 1,
        'night': 1,
        'sun': 2,
        'motionblur': 2,
    }
    assert list(conditions) == ['fog', 'night', 'sun', 'motionblur']
    for word, scores in conditions.items():
        expected = counted(
            model, make_batches(4), lambda _, images: images, lambda c, w=word: w in c
        )
        assert_close(scores.counts[NAMES], expected)


def test_scores_do_not_depend_on_the_batch_size(model, make_batches):
    whole = evaluate(model, make_batches(2, size=2), ['rmm', 'nm'], seed=1)
    single = evaluate(model, make_batches(2, size=1), ['rmm', 'nm'], seed=1)

    pairs = [(whole.nm[level], single.nm[level]) for level in whole.nm]
    pairs += [
        (each, single.rmm[rate].counts[subset])
        for rate, scores in whole.rmm.items()
        for subset, each in scores.counts.items()
    ]
    for first, second in pairs:
        assert np.abs(first.counts - second.counts).sum() <= 4  # rounding of ties


def test_another_seed_gives_other_noise(model, make_batches):
    first, second = (evaluate(model, make_batches(2), ['nm'], seed=seed).nm for seed in (1, 2))
    assert (first['High'].counts != second['High'].counts).any()


def test_every_image_is_encoded_once(model, make_batches, monkeypatch):
    sizes = []
    encode = TorchBackend.encode
    monkeypatch.setattr(
        TorchBackend,
        'encode',
        lambda self, image: sizes.append(len(image)) or encode(self, image),
    )

    def encodes(*protocols):
        sizes.clear()
        evaluate(model, make_batches(4), protocols)  # two batches of two
        return sum(sizes) / 4

    zero = 1 / 4  # the zero image, once for all frames
    assert encodes('any_modal') == 4
    assert encodes('any_modal', 'conditions') == 4
    assert encodes('emm') == 4 + zero
    assert encodes('rmm') == 4 + 3 * 4
    assert encodes('nm') == 3 * 4
    assert encodes('any_modal', 'emm', 'rmm', 'nm', 'conditions') == 4 + zero + 3 * 4 + 3 * 4


def test_only_clean_features_and_those_of_one_corruption_are_held(
    model, make_batches, monkeypatch
):
    encode = TorchBackend.encode
    held, most = [], []

    def watched(self, image):
        maps = encode(self, image)
        held.append(weakref.ref(maps[0]))
        most.append(sum(each() is not None for each in held))
        return maps

    monkeypatch.setattr(TorchBackend, 'encode', watched)
    evaluate(model, make_batches(4))
    # Four clean, four corrupted, the zero image; and one batch's go before the next one's come.
    assert max(most) <= 4 + 4 + 1


def test_a_frame_that_lacks_a_sensor_counts_where_it_is_not_needed(model, make_batches):
    lacking = {1: ('lidar', 'event')}
    result = evaluate(model, make_batches(2, lacking=lacking), seed=3)

    whole = make_batches(2)
    full_only = {'RE', 'RL', 'E', 'L', 'DE', 'DL', 'EL', 'RDE', 'RDL', 'REL', 'DEL', 'RDEL'}
    for scores in (result.any_modal, result.emm):
        assert scores.frames == 2
        assert scores.missed() == dict.fromkeys(sorted(full_only, key=len), 1)
        assert scores.scored['rgb', 'depth'] == 2
        assert scores.counts['rgb', 'depth'].counts.sum() == 2 * 29 * 32
        assert scores.counts['lidar',].counts.sum() == 29 * 32
    pair = counted(model, whole, lambda _, images: {n: images[n] for n in ('rgb', 'depth')})
    assert_close(result.any_modal.counts['rgb', 'depth'], pair)
    # RMM and NM need every sensor: the first frame alone.
    assert {count for each in result.rmm.values() for count in each.scored.values()} == {1}
    assert all(each.counts.sum() == 29 * 32 for each in result.nm.values())


def test_a_sensor_that_no_frame_has_leaves_its_subsets_without_a_score(model, make_batches):
    lacking = dict.fromkeys(range(2), ('lidar',))
    result = evaluate(model, make_batches(2, lacking=lacking))

    values = result.any_modal.mean_ious()
    assert np.isnan(values['L'])
    scored = [value for letters, value in values.items() if 'L' not in letters]
    assert result.any_modal.average() == pytest.approx(np.mean(scored))
    assert result.nm == {}
    assert result.to_dict()['any_modal']['miou_present_classes']['L'] is None


def test_the_network_is_left_as_it_was(model, make_batches):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    every_subset(model.train(), make_batches(2))
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_an_unknown_protocol_is_named(model, make_batches):
    with pytest.raises(ConfigError, match=r"Unknown protocols \['em'\]; known are \['any_modal'"):
        evaluate(model, make_batches(2), ['em'])


def test_no_frame_is_no_score(model):
    with pytest.raises(DataError, match='no frame to score'):
        every_subset(model, [])


def test_a_label_that_is_no_class_is_named_with_its_frame(model, make_batches):
    batches = make_batches(2)
    batches[0]['labels'][1, 9, 9] = 7
    with pytest.raises(DataError, match=r"frame1'\] hold the ids \[7\]; wanted 0..2 or 255"):
        every_subset(model, batches)


def test_the_table_has_a_column_per_subset_and_their_plain_mean(model, make_batches):
    scores = every_subset(model, make_batches(2))
    lines = any_modal_table({'student': scores}).splitlines()
    columns = 'R | D | E | L | RD | RE | RL | DE | DL | EL | RDE | RDL | REL | DEL | RDEL'
    assert lines[0] == f'| model | {columns} | mean |'
    cells = [float(cell) for cell in lines[2].strip('|').split('|')[1:]]
    mean = sum(scores.mean_ious().values()) / 15
    assert cells[-1] == round(mean, 1)


@pytest.mark.parametrize(
    ('missing', 'protocols', 'expected'),
    [
        ('drop', PROTOCOLS, False),
        ('zero', PROTOCOLS, True),
        ('drop', ('emm',), True),
        ('zero', ('any_modal',), False),
        ('zero', ('conditions',), False),
        ('drop', ('nm',), False),
    ],
)
def test_pictures_show_the_use_of_the_network_or_what_there_is(
    model, missing, protocols, expected
):
    assert shows_zeroed(replace(model.config, missing=missing), protocols) == expected
