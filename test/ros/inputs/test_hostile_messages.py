"""Two thousand damaged messages; ``test/hostile_messages.py`` is the command for more."""

from hostile_messages import memory_mb, run, victims
from mutations import leaves, mutated
import numpy as np
from valid_messages import cloud


def test_no_damaged_message_crashes_hangs_or_raises_what_is_not_ours():
    run(100, seed=2)
    before_mb = memory_mb()[0]
    tally = run(2000, seed=1)
    assert tally.foreign == []
    kinds = ['CameraInfo', 'CompressedImage', 'EventPacket', 'Image', 'PointCloud2']
    assert sorted(tally.refused) == sorted(tally.accepted) == kinds
    # Neither is the damage so great that all are refused, nor so small that none is.
    for kind in kinds:
        assert tally.accepted[kind] + tally.refused[kind] == 400
        assert min(tally.accepted[kind], tally.refused[kind]) > 40
    assert tally.slowest_s < 5
    assert memory_mb()[0] < before_mb + 300


def test_without_damage_every_message_becomes_an_image():
    for takers, makers in victims().values():
        for make in makers:
            message = make(np.random.default_rng(0))
            assert '' in {taker.feed(message) for taker in takers}
        for taker in takers:
            taker.close()


def test_damage_is_the_same_for_a_seed_and_leaves_the_good_message_alone():
    good = cloud(np.random.default_rng(0), 'ring')
    kept = cloud(np.random.default_rng(0), 'ring')
    changed = [mutated(good, np.random.default_rng(seed)) for seed in range(20)]
    assert good == kept
    assert all(message != good for message in changed[:3])
    assert changed == [mutated(good, np.random.default_rng(seed)) for seed in range(20)]
    names = {leaf.name for leaf in leaves(good)}
    assert {'frame_id', 'nanosec', 'offset', 'point_step', 'data'} <= names
