"""The node's life: configured by itself or by others, twice, with bad checkpoints, and its end."""

import pickle
import signal

from lifecycle_msgs.msg import Transition
import pytest
from rcl_interfaces.msg import ParameterType
from safetensors.torch import save_file
import torch

CONFIGURE = Transition.TRANSITION_CONFIGURE
ACTIVATE = Transition.TRANSITION_ACTIVATE
DEACTIVATE = Transition.TRANSITION_DEACTIVATE
CLEANUP = Transition.TRANSITION_CLEANUP


@pytest.fixture(scope='module')
def manual(start):
    """Return the driver of a node that waits to be told."""
    return start(autostart=False, rgb__timeout=-1.0, dpeth__topic='/d')


def test_a_wrong_parameter_at_the_start_is_named_and_can_be_put_right(manual):
    assert manual.state() == 'unconfigured'
    assert not manual.change_state(CONFIGURE)
    assert manual.state() == 'unconfigured'
    manual.drive_until([], lambda: 'configure failed' in manual.message())
    assert "Parameter 'rgb.timeout' is -1.0; wanted a double from 0.01 to 60" in manual.message()
    assert manual.diagnostics['segmentation'].level == b'\x02'
    assert manual.set_parameters(rgb__timeout=0.4).successful
    assert manual.change_state(CONFIGURE)
    assert manual.change_state(CLEANUP)


def test_a_parameter_for_nobody_is_named_with_the_one_that_was_meant(manual):
    assert "Parameter 'dpeth.topic' is not known" in manual.process.log()
    assert "did you mean 'depth.topic'?" in manual.process.log()


def missing(path, good):
    return path


def truncated(path, good):
    path.write_bytes(good.read_bytes()[:1000])
    return path


def pickled(path, good):
    torch.save({'weight': torch.zeros(3)}, path)
    return path


def old_pickle(path, good):
    path.write_bytes(pickle.dumps({'weight': 1}))
    return path


def of_another_family(path, good):
    save_file({'weight': torch.zeros(3)}, path)
    return path


@pytest.mark.parametrize(
    ('make', 'words'),
    [
        (missing, 'cannot be read'),
        (truncated, 'damaged'),
        (pickled, 'pickle'),
        (old_pickle, 'pickle'),
        (of_another_family, 'no checkpoint of ours'),
    ],
    ids=lambda value: getattr(value, '__name__', None),
)
def test_a_bad_checkpoint_is_named_with_what_is_wrong(manual, checkpoint, tmp_path, make, words):
    bad = make(tmp_path / 'bad.safetensors', checkpoint)
    assert manual.set_parameters(checkpoint=str(bad)).successful
    assert not manual.change_state(CONFIGURE)
    assert manual.state() == 'unconfigured'
    manual.drive_until([], lambda: words in manual.message())
    assert str(bad) in manual.message()
    assert words in manual.process.log()
    assert manual.set_parameters(checkpoint=str(checkpoint)).successful


def test_an_unknown_device_is_named(manual):
    assert manual.set_parameters(device='abacus').successful
    assert not manual.change_state(CONFIGURE)
    manual.drive_until([], lambda: "Unknown device 'abacus'" in manual.message())
    assert manual.set_parameters(device='cpu').successful


def test_an_input_type_that_cannot_carry_the_encoding_is_named(manual):
    assert manual.set_parameters(depth__type='points').successful
    assert not manual.change_state(CONFIGURE)
    manual.drive_until([], lambda: "'depth.type' is 'points'" in manual.message())
    assert manual.set_parameters(depth__type='image').successful


def test_the_whole_cycle_twice(manual, scene):
    for _ in range(2):
        assert manual.change_state(CONFIGURE)
        assert manual.state() == 'inactive'
        manual.forget_masks()
        manual.drive_until([], lambda: manual.value('state') == 'inactive')
        assert manual.node.count_subscribers('/camera/image_raw') == 0
        assert manual.change_state(ACTIVATE)
        manual.settle('RD')
        assert scene.rests_on(manual.next_masks(['rgb', 'depth'])[-1]) == 'RD'
        assert manual.change_state(DEACTIVATE)
        manual.spin(0.3)
        manual.forget_masks()
        for _ in range(5):
            manual.publish(['rgb'])
            manual.spin(0.05)
        assert not manual.masks
        assert manual.change_state(ACTIVATE)
        manual.settle('R')
        assert manual.change_state(DEACTIVATE)
        assert manual.change_state(CLEANUP)
        assert manual.state() == 'unconfigured'
        assert manual.node.count_publishers('/segment/mask') == 0


def test_a_transition_that_is_not_allowed_does_no_harm(manual):
    assert not manual.change_state(ACTIVATE)
    assert manual.state() == 'unconfigured'


def test_parameters_are_typed_ranged_and_described(manual):
    value = manual.get_parameter('sync.max_wait')
    assert value.type == ParameterType.PARAMETER_DOUBLE
    described = manual.describe('rgb.timeout')
    assert described.floating_point_range[0].to_value == 60.0
    assert 'Seconds of silence' in described.description
    assert manual.describe('modalities').read_only


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'depth__timeout': 0.0}, 'depth.timeout'),
        ({'depth__timeout': 'soon'}, "'depth.timeout' is 'soon'; wanted a double"),
        ({'depth__type': 'hologram'}, "is 'hologram'; wanted one of ['image'"),
        ({'lidar__camera_from_sensor': [1.0, 2.0]}, 'of 0 or 16 values'),
        ({'modalities': ['rgb']}, 'read-only'),
        ({'overlay__opacity': 1.5}, 'overlay.opacity'),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_wanted(manual, values, words):
    result = manual.set_parameters(**values)
    assert not result.successful
    assert words in result.reason


def test_sigterm_ends_the_running_node_well(start):
    driver = start()
    driver.settle('R')
    assert driver.process.stop(signal.SIGTERM) == 0
    assert 'Traceback' not in driver.process.log()
