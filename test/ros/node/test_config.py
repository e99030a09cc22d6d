"""From values of parameters to the node's configuration."""

import numpy as np
import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_ros.node.config import (
    changed_live,
    check_against_checkpoint,
    node_config,
    without_unknown,
)
from robustseg_ros.node.parameters import parameter_table

MODALITIES = ModalitySet(
    (Modality('rgb', 'R', 'rgb', UNIT), Modality('lidar', 'L', 'range_intensity_height', UNIT))
)


def config(**changes):
    names = changes.pop('modalities', ['rgb', 'lidar'])
    values = {name: p.default for name, p in parameter_table(names).items()}
    values['modalities'] = names
    return node_config(values | {name.replace('__', '.'): v for name, v in changes.items()})


def test_seconds_become_nanoseconds_and_lists_become_matrices():
    made = config(
        sync__max_wait=0.02,
        rgb__offset=-0.001,
        lidar__camera_from_sensor=[float(n) for n in range(16)],
    )
    assert made.max_wait_ns == 20_000_000
    assert made.inputs['rgb'].offset_ns == -1_000_000
    assert made.order == ('rgb', 'lidar')
    np.testing.assert_array_equal(
        made.inputs['lidar'].camera_from_sensor, np.arange(16.0).reshape(4, 4)
    )
    assert made.inputs['rgb'].camera_from_sensor is None


def test_a_rate_becomes_a_period_and_zero_none():
    assert config(overlay__max_rate=4.0).looks.overlay_period_s == 0.25
    assert config(overlay__max_rate=0.0).looks.overlay_period_s == 0.0


def test_event_packets_get_a_deep_queue():
    assert config(rgb__type='events').inputs['rgb'].depth == 1000
    assert config().inputs['rgb'].depth == 5


def test_empty_topic_is_refused_unless_the_input_is_off():
    with pytest.raises(ConfigError, match=r"'rgb.topic' is empty"):
        config(rgb__topic='')
    assert config(rgb__topic='', rgb__enabled=False)


def test_unknown_encoding_is_refused():
    with pytest.raises(ConfigError, match="'thermal8'"):
        config(rgb__encoding='thermal8')


def test_modality_the_checkpoint_does_not_know_is_refused():
    with pytest.raises(ConfigError, match=r"'thermal'; the checkpoint knows \['rgb', 'lidar'\]"):
        check_against_checkpoint(config(modalities=['rgb', 'thermal']), MODALITIES)


def test_a_modality_the_checkpoint_does_not_know_is_left_out_by_choice():
    warnings = []
    asked = config(modalities=['rgb', 'thermal'], strict_modalities=False)
    check_against_checkpoint(asked, MODALITIES)
    assert without_unknown(asked, MODALITIES, warnings.append).order == ('rgb',)
    assert len(warnings) == 1
    assert warnings[0].startswith("thermal is left out: the checkpoint knows ['rgb', 'lidar']")
    with pytest.raises(ConfigError, match="'thermal'; the checkpoint knows"):
        check_against_checkpoint(
            config(modalities=['thermal'], strict_modalities=False), MODALITIES
        )


def test_an_offset_reaches_as_far_as_tai_and_no_further():
    table = parameter_table(['rgb'])
    assert table['rgb.offset'].check(37.0) == 37.0
    with pytest.raises(ConfigError, match='from -40 to 40'):
        table['rgb.offset'].check(41.0)


def test_events_cannot_be_stamped_by_arrival():
    assert config(rgb__stamp='arrival').inputs['rgb'].stamp == 'arrival'
    with pytest.raises(ConfigError, match="'arrival'; wanted 'header'"):
        config(rgb__stamp='arrival', rgb__type='events')


def test_type_must_carry_what_the_network_was_trained_on():
    check_against_checkpoint(config(), MODALITIES)
    check_against_checkpoint(config(lidar__type='image'), MODALITIES)
    for kind in ('points', 'events'):
        with pytest.raises(ConfigError, match=f"'rgb.type' is '{kind}'"):
            check_against_checkpoint(config(rgb__type=kind), MODALITIES)
    # Another encoding by parameter is judged instead of the checkpoint's.
    check_against_checkpoint(config(rgb__type='events', rgb__encoding='event_counts'), MODALITIES)


def test_only_what_counts_at_once_changes_on_the_run():
    new = config(rgb__timeout=9.0, rgb__topic='/other', overlay__opacity=0.1, checkpoint='c')
    changed = changed_live(config(), new)
    assert changed.inputs['rgb'].timeout_ns == 9_000_000_000
    assert changed.looks.opacity == 0.1
    assert not changed_live(config(), config(encode_ahead=False)).encode_ahead
    assert changed.inputs['rgb'].topic == 'camera/image_raw'
    assert changed.checkpoint == 'streets_student'


def test_only_points_have_an_intensity_to_scale():
    made = config(lidar__intensity_scale=1 / 255)
    assert made.inputs['lidar'].intensity_scale == 1 / 255
    check_against_checkpoint(made, MODALITIES)
    for name in ('rgb', 'lidar'):
        changes = {f'{name}__intensity_scale': 0.5, f'{name}__type': 'image'}
        with pytest.raises(ConfigError, match=rf"'{name}.intensity_scale' is 0.5; .* 'image'"):
            check_against_checkpoint(config(**changes), MODALITIES)
