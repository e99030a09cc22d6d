"""The picture of the whole run."""

from matplotlib.colors import to_rgb
import numpy as np
from PIL import Image

from robustseg_ros.demo.figures import latencies_ms
from robustseg_ros.demo.records import moments
from robustseg_ros.demo.timeline import COLOURS, STUDENT, TEACHER, draw_timeline


def drawn(run, path, scores):
    frames = moments(run.recording)
    latencies = latencies_ms(frames, {score.stamp_ns: score for score in scores})
    draw_timeline(path, run.recording, frames, scores, latencies, run.schedule, run.clock)
    return np.asarray(Image.open(path).convert('RGB')).astype(int)


def has(pixels, colour):
    wanted = 255 * np.array(to_rgb(colour))
    return (np.abs(pixels - wanted).max(axis=-1) < 6).sum()


def test_it_shows_deaths_and_both_curves(make_run, tmp_path):
    run = make_run()
    pixels = drawn(run, tmp_path / 'timeline.png', run.scores)
    assert has(pixels, COLOURS['alive']) > 3 * has(pixels, COLOURS['dead']) > 1000
    assert has(pixels, STUDENT) > 500
    assert has(pixels, TEACHER) > 500


def test_a_run_without_masks_can_be_drawn(make_run, tmp_path):
    run = make_run(unmade=range(100))
    assert has(drawn(run, tmp_path / 'timeline.png', []), COLOURS['dead']) > 100
