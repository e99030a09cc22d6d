"""The command `python -m robustseg_core.export`."""

from exported_networks import assert_is_the_network, make_network
import pytest

from robustseg_core.export import main
from robustseg_core.models.checkpoint import save_model
from robustseg_core.runtime.opening import open_backend


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('checkpoint') / 'model.safetensors'
    save_model(make_network(), path)
    return str(path)


@pytest.fixture
def run(checkpoint, tmp_path):
    def call(*arguments):
        out = tmp_path / 'out'
        status = main(['--checkpoint', checkpoint, '--out', str(out), *arguments])
        return status, out

    return call


def test_a_checkpoint_becomes_a_folder_that_serves_as_one(run, capsys):
    for name in ('onnx', 'openvino'):
        pytest.importorskip(name, reason=f'{name} is not installed')
    status, out = run('--format', 'openvino', '--size', '64x96')
    assert status == 0
    told = capsys.readouterr().out
    assert '| noise | 7 |' in told
    assert f'Written: {out}' in told
    assert_is_the_network(open_backend(out, 'cpu'), make_network())


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        (['--size', '65x96'], 'multiples of 32, got 65x96'),
        (['--precision', 'int8'], 'calibrated on your own frames'),
        (['data.root=x'], r"Settings ['data.root=x'] overrule those of --config"),
        (['--format', 'openvino', '--device', 'cuda'], "checked on device 'cpu' only"),
        (['--format', 'tensorrt', '--device', 'cpu'], 'needs an NVIDIA GPU'),
    ],
)
def test_what_is_refused_is_one_line(run, capsys, arguments, text):
    status, out = run('--format', 'onnx', *arguments)
    assert status == 1
    told = capsys.readouterr().err
    assert told.startswith('robustseg_core.export: ')
    assert text in told
    assert told.count('\n') == 1
    assert not out.exists()


@pytest.mark.parametrize('size', ['64', '64x', 'x64', '64xa', '-64x64'])
def test_a_size_is_two_numbers(run, size):
    with pytest.raises(SystemExit):
        run('--format', 'onnx', f'--size={size}')


@pytest.mark.parametrize(
    ('size', 'frames', 'text'),
    [
        ('64x96', '[96,64]', 'set data.size=[64,96]'),
        ('dynamic', '[48,64]', 'data.size must be multiples of 32 here, got 48x64'),
    ],
)
def test_frames_that_would_not_fit_are_refused(run, capsys, tmp_path, size, frames, text):
    pytest.importorskip('jsonargparse', reason='jsonargparse is not installed')
    config = tmp_path / 'config.yaml'
    config.write_text('data: {kind: streets}\n')
    status, _ = run(
        '--format', 'onnx', '--size', size, '--config', str(config), f'data.size={frames}'
    )
    assert status == 1
    assert text in capsys.readouterr().err


def test_frames_of_other_classes_are_refused(run, capsys, tmp_path):
    pytest.importorskip('jsonargparse', reason='jsonargparse is not installed')
    config = tmp_path / 'config.yaml'
    config.write_text('data: {kind: streets, size: [64, 96]}\n')
    status, _ = run('--format', 'onnx', '--config', str(config))
    assert status == 1
    assert "The checkpoint knows 5 classes of 'five'" in capsys.readouterr().err
