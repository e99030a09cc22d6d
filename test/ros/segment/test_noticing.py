"""Inputs without content, or with values far from those of training, on their way to the node."""

from dataclasses import replace

from node_scene import MODALITIES, SIDE, Scene
import numpy as np
import pytest
from std_msgs.msg import Header
from value_ranges import LIDAR, THERMAL, scan

from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.runtime.engine import Engine
from robustseg_core.sensors.content import LASTING_AFTER
from robustseg_core.sensors.input_watch import LEAST, Noticed
from robustseg_core.sensors.range_check import without_ranges
from robustseg_ros.inputs.frames import Frame
from robustseg_ros.inputs.noticed import InputWatches, noticed_words
from robustseg_ros.inputs.pictures import Picture
from robustseg_ros.node.config import Looks, node_config, scale_of
from robustseg_ros.node.parameters import parameter_table
from robustseg_ros.segment.pipeline import Pipeline

BLACK = np.zeros((SIDE, SIDE, 3), np.uint8)


class Outputs:
    wants_confidence = wants_shares = False

    def publish(self, result, looks, camera_info):
        self.result = result


@pytest.fixture
def run(model):
    """Run frames of rgb and events through a pipeline; return it with what it published."""
    outputs = Outputs()
    pipeline = Pipeline(Engine(model), outputs, print)
    stamps = iter(range(1, 1000))

    def run(rgb, events, *leave_out):
        images = {'rgb': rgb, 'event': events}
        header = Header()
        parts = {
            name: Picture(
                header=header,
                pixels=image,
                ros_encoding='rgb8',
                encoding=MODALITIES[name].encoding,
            )
            for name, image in images.items()
        }
        stamp_ns = next(stamps)
        measurements = {name: (stamp_ns, part) for name, part in parts.items()}
        frame = Frame(measurements, 0.0, 0.0, Looks(), None, frozenset(leave_out))
        return pipeline.run(frame), outputs.result

    return run


@pytest.fixture
def pictures(model):
    scene = Scene(model, 1)
    return scene.rgb, scene.events


def test_what_is_black_is_told_and_fused_unless_it_is_to_be_left_out(run, pictures):
    report, _ = run(BLACK, pictures[1])
    assert report.noticed['rgb'].problem == 'all black'
    assert report.noticed['event'].problem == ''
    assert report.present == ('rgb', 'event')


def test_what_is_left_out_still_leads_and_comes_back_by_itself(run, pictures):
    for rgb, present in ((BLACK, ('event',)), (pictures[0], ('rgb', 'event'))):
        report, result = run(rgb, pictures[1], 'rgb')
        assert report.present == present
        assert report.left_out == {'rgb', 'event'} - set(present)
        np.testing.assert_array_equal(result.image, rgb)  # of the leading input


def test_the_mask_is_that_of_the_others(run, pictures, model):
    _, result = run(BLACK, pictures[1], 'rgb')
    engine = Engine(model)
    engine.observe('event', pictures[1], 1)
    wanted = engine.segment({'event': 1}, (SIDE, SIDE))
    np.testing.assert_array_equal(result.class_ids, wanted.class_ids)


def test_all_are_fused_where_none_has_any_content(run):
    report, _ = run(BLACK, BLACK, 'rgb', 'event')
    assert report.present == ('rgb', 'event')
    assert report.left_out == set()


def test_an_image_in_two_frames_is_looked_at_once():
    watches = InputWatches(MODALITIES)
    for _ in range(LASTING_AFTER):
        assert not watches.look('rgb', BLACK, 5).lasts
    for stamp_ns in range(6, 6 + LASTING_AFTER):
        noticed = watches.look('rgb', BLACK, stamp_ns)
    assert noticed.lasts


def test_words_name_what_lasts_and_the_parameter_that_helps():
    assert noticed_words('rgb', Noticed('all black'), left_out=False) == ''
    assert noticed_words('rgb', Noticed('all black', lasts=True), left_out=False) == (
        'degraded: all black'
    )
    assert noticed_words('rgb', Noticed('all black'), left_out=True) == (
        'degraded: all black, left out of the fusion'
    )
    watches = InputWatches(ModalitySet((LIDAR,)))
    for stamp_ns in range(LEAST):
        noticed = watches.look('lidar', scan(255), stamp_ns)
    words = noticed_words('lidar', noticed, left_out=False)
    assert 'likely 0..255 for 0..1, as of Velodyne and Livox' in words
    assert 'multiply by 1/255 (parameter lidar.intensity_scale)' in words


def test_sensors_with_which_nothing_can_be_compared_are_named():
    known = ModalitySet((LIDAR, replace(THERMAL, seen=None)))
    assert 'training saw of thermal:' in without_ranges(known, ['lidar', 'thermal'])
    assert without_ranges(known, ['lidar']) == ''


@pytest.mark.parametrize(
    ('asked', 'encoding', 'modality', 'scale'),
    [
        (0.0, '', replace(THERMAL, scale=0.01), 0.01),  # as the files trained on
        (0.5, '', replace(THERMAL, scale=0.01), 0.5),
        (1.0, '', replace(THERMAL, scale=0.01), 1.0),
        (0.0, '', THERMAL, 1.0),
        (0.0, '', Modality('thermal', 'T', 'linear_depth', UNIT, scale=1 / 25.5), 1.0),
        (0.0, 'image', replace(THERMAL, scale=0.01), 1.0),
    ],
)
def test_scale_is_that_of_training_unless_another_is_asked_for(asked, encoding, modality, scale):
    values = {name: p.default for name, p in parameter_table(['thermal']).items()}
    changes = {'modalities': ['thermal'], 'thermal.scale': asked, 'thermal.encoding': encoding}
    source = node_config(values | changes).inputs['thermal']
    assert scale_of(source, modality) == scale
