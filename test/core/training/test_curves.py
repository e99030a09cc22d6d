"""The picture of a stage's validation scores."""

from pathlib import Path

import pytest

from robustseg_core.training import curves


def test_every_subset_and_the_mean_are_drawn_over_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = tmp_path / 'metrics.csv'
    metrics.write_text(
        'step,epoch,loss,miou/R,miou/RD,miou/mean\n'
        '0,0,2.5,,,\n'
        '9,0,,10.0,20.0,15.0\n'
        '19,1,,12.5,,12.5\n'
    )
    drawn = {}
    draw = curves.learning_curves

    def spy(series, path, ylabel):
        drawn.update(series)
        return draw(series, path, ylabel)

    monkeypatch.setattr(curves, 'learning_curves', spy)
    curves.draw_curves(metrics, tmp_path / 'curves.png')
    assert drawn == {
        'R': ((10, 20), (10.0, 12.5)),
        'RD': ((10,), (20.0,)),
        'mean': ((10, 20), (15.0, 12.5)),
    }
    assert (tmp_path / 'curves.png').read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize('text', ['', 'epoch,step\n', 'epoch,step,miou/R\n0,9,\n', None])
def test_without_a_score_there_is_no_picture_and_no_error(
    tmp_path: Path, text: str | None
) -> None:
    metrics = tmp_path / 'metrics.csv'
    if text is not None:
        metrics.write_text(text)
    curves.draw_curves(metrics, tmp_path / 'curves.png')
    assert not (tmp_path / 'curves.png').exists()
