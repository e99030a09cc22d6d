"""Any-modal evaluation against one forward pass per subset."""

import numpy as np
import torch

from robustseg_core.data.sample import Batch
from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.protocols import any_modal
from robustseg_core.evaluation.report import any_modal_table
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig

SENSORS = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', UNIT),
        Modality('depth', 'D', 'linear_depth', UNIT),
        Modality('lidar', 'L', 'image', UNIT),
    )
)
LABELS = LabelSet('three', ('a', 'b', 'c'), ((0, 0, 0), (9, 9, 9), (255, 255, 255)))


def make_model() -> MultimodalSegmenter:
    torch.manual_seed(0)
    config = SegmenterConfig(
        backbone='mit_nano', head_width=8, labels=LABELS, modalities=SENSORS, resolution=(32, 32)
    )
    return MultimodalSegmenter(config).eval()


def make_batches() -> list[Batch]:
    generator = torch.Generator().manual_seed(5)
    return [
        Batch(
            images={n: torch.randn(2, 3, 32, 32, generator=generator) for n in SENSORS.names},
            availability=torch.ones(2, 3, dtype=torch.bool),
            labels=torch.randint(0, 3, (2, 32, 32), generator=generator),
            ids=['a', 'b'],
            conditions=['sun', 'fog'],
        )
        for _ in range(2)
    ]


def test_each_subset_is_scored_as_if_the_others_were_never_there() -> None:
    scores = any_modal(make_model(), make_batches())

    assert scores.frames == 4
    assert list(scores.mean_ious()) == ['R', 'D', 'L', 'RD', 'RL', 'DL', 'RDL']
    for subset, confusion in scores.counts.items():
        expected = Confusion(3)
        for batch in make_batches():
            with torch.no_grad():
                logits = make_model()({name: batch['images'][name] for name in subset})
            expected.update(logits.argmax(1).numpy().astype(np.uint8), batch['labels'].numpy())
        # The folded head may round a handful of ties the other way.
        assert np.abs(confusion.counts - expected.counts).sum() <= 8


def test_the_table_has_a_column_per_subset_and_their_plain_mean() -> None:
    scores = any_modal(make_model(), make_batches())
    lines = any_modal_table({'student': scores}).splitlines()
    assert lines[0] == '| model | R | D | L | RD | RL | DL | RDL | mean |'
    cells = [float(cell) for cell in lines[2].strip('|').split('|')[1:]]
    mean = sum(scores.mean_ious().values()) / 7
    assert cells[-1] == round(mean, 1)
