"""What the pipeline says of each mask."""

from dataclasses import replace
from types import SimpleNamespace

from node_scene import MODALITIES, SIDE, Scene, tiny_model
import numpy as np
from pipeline_parts import Outputs, frame, measurements, unheard
import pytest

from robustseg_core.runtime.engine import Engine
from robustseg_core.runtime.trust import shares
from robustseg_ros.inputs.measurements import Cloud
from robustseg_ros.node.config import Looks
from robustseg_ros.segment.pipeline import Pipeline

MS = 1_000_000


class Heard(Outputs):
    wants_shares = True


@pytest.fixture
def known():
    """A network that knows what two of its subsets are worth."""
    model = tiny_model()
    scores = {'RDEL': 50.25, 'R': 20.0}
    noted = {'data': 'streets, split val', 'frames': 9, 'miou_present_classes': scores}
    model.provenance = {'evaluated_on': noted}
    return SimpleNamespace(model=model, scene=Scene(model, seed=1))


def run(pipeline, scene, stamp, names=MODALITIES.names, **looks):
    made = replace(frame(stamp, measurements(scene, stamp), names), looks=Looks(**looks))
    return pipeline.run(made).trust


def test_a_mask_says_what_it_rests_on_how_old_that_is_and_what_to_expect(known):
    outputs = Outputs()
    pipeline = Pipeline(
        Engine(known.model), outputs, unheard, (SIDE, SIDE), now_ns=lambda: 130 * MS
    )
    parts = measurements(known.scene, 1)
    stamps = {'rgb': 100 * MS, 'depth': 95 * MS, 'event': 120 * MS, 'lidar': 30 * MS}
    whole = replace(
        frame(0, parts), measurements={name: (at, parts[name]) for name, at in stamps.items()}
    )
    trust = pipeline.run(whole).trust
    assert (trust.subset, trust.missing) == ('RDEL', ())
    assert trust.ages_ms == {'rgb': 30, 'depth': 35, 'event': 10, 'lidar': 100}
    assert (trust.expected_miou, trust.expected_on) == (50.25, 'streets, split val')
    assert outputs.results[0].trust is trust
    assert isinstance(outputs.results[0].cloud, Cloud)
    assert outputs.results[0].encoding == 'rgb'

    trust = run(pipeline, known.scene, 200 * MS, ['rgb'])
    assert (trust.subset, trust.missing) == ('R', ('depth', 'event', 'lidar'))
    assert trust.expected_miou == 20
    assert outputs.results[-1].cloud is None
    assert run(pipeline, known.scene, 300 * MS, ['depth', 'rgb']).expected_miou is None


def test_the_mean_confidence_is_that_of_all_pixels(known):
    outputs = Outputs()
    outputs.wants_confidence = True
    pipeline = Pipeline(Engine(known.model), outputs, unheard, (SIDE, SIDE))
    trust = run(pipeline, known.scene, 1)
    # The full-size picture is interpolated, which smooths it a little.
    assert trust.confidence == pytest.approx(outputs.results[0].confidence.mean(), abs=0.05)


def test_shares_are_measured_after_the_masks_and_cost_no_encoding(known):
    engine = Engine(known.model)
    encoded, heads = [], []
    encode, head = engine.backend.encode, engine.backend.head
    engine.backend.encode = lambda images: (encoded.append(len(images)), encode(images))[1]
    engine.backend.head = lambda maps, subset: (heads.append(subset), head(maps, subset))[1]
    pipeline = Pipeline(engine, Heard(), unheard, (SIDE, SIDE))
    for stamp in (1, 2, 3, 4):
        assert run(pipeline, known.scene, stamp, share_rate_hz=1e-3).shares == {}
    assert len(encoded) == 16
    assert len(heads) == 8, 'one more after each mask'
    found = run(pipeline, known.scene, 5, share_rate_hz=1e-3).shares
    assert len(heads) == 9, 'all are known, and it is not time again'
    assert set(found) == set(MODALITIES.names)
    assert sum(found.values()) == pytest.approx(1)

    # As worked out without the pipeline, each from the frame that it was measured after.
    changes = {}
    for stamp, name in enumerate(MODALITIES.names, start=1):
        plain = Engine(known.model)
        for each, part in measurements(known.scene, stamp).items():
            plain.observe(each, part.network_image((SIDE, SIDE)), stamp)
        plain.segment(dict.fromkeys(MODALITIES.names, stamp), (SIDE, SIDE))
        changes[name] = plain.change_without(name)
    assert found == pytest.approx(shares(changes))

    assert run(pipeline, known.scene, 6, ['rgb'], share_rate_hz=1e-3).shares == {}
    assert run(pipeline, known.scene, 7, ['rgb'], share_rate_hz=1e-3).shares == {'rgb': 1}
    pipeline.reset()
    assert run(pipeline, known.scene, 1, ['rgb']).shares == {}


@pytest.mark.parametrize(('outputs', 'rate_hz'), [(Outputs, 1.0), (Heard, 0.0)])
def test_no_head_is_spent_on_shares_that_nobody_wants(known, outputs, rate_hz):
    engine = Engine(known.model)
    heads = []
    head = engine.backend.head
    engine.backend.head = lambda maps, subset: (heads.append(subset), head(maps, subset))[1]
    pipeline = Pipeline(engine, outputs(), unheard, (SIDE, SIDE))
    for stamp in (1, 2, 3):
        run(pipeline, known.scene, stamp, share_rate_hz=rate_hz)
    assert len(heads) == 3


def test_masks_are_the_same_whether_shares_are_measured_or_not(known):
    seen = []
    for outputs in (Outputs(), Heard()):
        pipeline = Pipeline(Engine(known.model), outputs, unheard, (SIDE, SIDE))
        for stamp in (1, 2, 3):
            run(pipeline, known.scene, stamp)
        seen.append(outputs.masks)
    np.testing.assert_array_equal(seen[0], seen[1])
