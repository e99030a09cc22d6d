"""Pictures of samples."""

from types import SimpleNamespace

from lightning.pytorch.loggers import TensorBoardLogger
import numpy as np
import pytest
import torch

from robustseg_core.evaluation.gallery import KeptFrame
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training import samples
from robustseg_core.training.samples import TILE_WIDTH, TITLE_HEIGHT, SamplePictures, tiled

SENSORS = ModalitySet(
    tuple(
        Modality(name, name[0].upper(), 'rgb', UNIT) for name in ('rgb', 'depth', 'event', 'lidar')
    )
)
LABELS = LabelSet('two', ('a', 'b'), ((10, 20, 30), (200, 100, 50)))


def frame(modalities: ModalitySet) -> KeptFrame:
    truth = np.zeros((40, 80), np.uint8)
    truth[:, 40:] = 1
    subsets = modalities.subsets()
    return KeptFrame(
        'x',
        {name: np.full((40, 80, 3), 77, np.uint8) for name in modalities.names},
        truth,
        {subset: np.full((40, 80), index % 2, np.uint8) for index, subset in enumerate(subsets)},
    )


def test_two_sensors_fit_in_one_line_of_inputs_truth_and_masks() -> None:
    sensors = ModalitySet(SENSORS.members[:2])
    picture = tiled(frame(sensors), LABELS, sensors)
    tile = TITLE_HEIGHT + TILE_WIDTH // 2
    assert picture.shape == (tile, 6 * TILE_WIDTH, 3)
    middle = picture[TITLE_HEIGHT + 40]
    assert middle[TILE_WIDTH // 2].tolist() == [77] * 3
    truth = middle[2 * TILE_WIDTH : 3 * TILE_WIDTH]
    assert truth[10].tolist() == [10, 20, 30]
    assert truth[-10].tolist() == [200, 100, 50]
    masks = [middle[index * TILE_WIDTH + 80].tolist() for index in (3, 4, 5)]
    assert masks == [[10, 20, 30], [200, 100, 50], [10, 20, 30]]
    assert picture[:TITLE_HEIGHT].max() == 255, 'titles'


def test_fifteen_masks_go_into_lines_of_their_own() -> None:
    picture = tiled(frame(SENSORS), LABELS, SENSORS)
    tile = TITLE_HEIGHT + TILE_WIDTH // 2
    assert picture.shape == (3 * tile, 8 * TILE_WIDTH, 3)


@torch.no_grad()
@pytest.mark.parametrize('missing', ['drop', 'zero'])
def test_a_network_is_shown_in_the_use_it_is_trained_for(missing, tmp_path, monkeypatch) -> None:
    torch.manual_seed(0)
    sensors = ModalitySet(SENSORS.members[:2])
    network = MultimodalSegmenter(
        SegmenterConfig(
            backbone='mit_nano', head_width=8, labels=LABELS, modalities=sensors, missing=missing
        )
    ).eval()
    torch.nn.init.normal_(network.head.classifier.weight, std=2.0)
    images = {name: torch.randn(3, 64, 64) for name in sensors.names}
    labels = torch.zeros(64, 64, dtype=torch.int64)
    shown = []
    monkeypatch.setattr(samples, 'tiled', lambda each, *_: shown.append(each) or tiled(each, *_))
    pictures = SamplePictures(
        network, [{'images': images, 'labels': labels, 'id': 'x', 'condition': ''}], 1, 1
    )
    pictures.on_train_epoch_end(
        SimpleNamespace(
            current_epoch=0,
            max_epochs=1,
            global_step=1,
            is_global_zero=True,
            loggers=[TensorBoardLogger(tmp_path)],
        ),
        SimpleNamespace(device='cpu'),
    )
    rgb, blank = (network.encode(x) for x in (images['rgb'][None], torch.zeros(1, 3, 64, 64)))
    masks = {
        'drop': network.decode(network.fuse([rgb]), (64, 64)),
        'zero': network.decode(network.fuse([rgb, blank]), (64, 64)),
    }
    classes = {name: each[0].argmax(0).numpy() for name, each in masks.items()}
    assert (classes['drop'] != classes['zero']).mean() > 0.01
    assert (shown[0].predictions['rgb',] != classes[missing]).mean() < 0.01
