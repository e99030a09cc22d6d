"""TensorRT's engines: whom they serve, and that they are built once; a double builds them."""

import re
import sys
from types import SimpleNamespace

import pytest
import torch

from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.runtime import tensorrt_engines
from robustseg_core.runtime.tensorrt_engines import FLAGS, check_usable, engine_name, open_engine

KEY = {'gpu': 'NVIDIA H200 (SXM)', 'version': '10.9.0', 'size': (512, 640), 'precision': 'fp16'}


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(tensorrt_engines, 'find_spec', lambda name: None)
    with pytest.raises(ConfigError, match=re.escape('pip install "tensorrt>=10,<11"')):
        check_usable(torch.device('cuda'))


def test_with_both_it_is_usable(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(tensorrt_engines, 'find_spec', lambda name: name)
    monkeypatch.setattr(tensorrt_engines, 'load_problem', lambda name: '')
    check_usable(torch.device('cuda', 1))


def test_one_that_is_there_but_broken_is_told_with_its_cause(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(tensorrt_engines, 'find_spec', lambda name: name)
    monkeypatch.setattr(tensorrt_engines, 'load_problem', lambda name: f'does not load: {name}')
    with pytest.raises(ConfigError, match='does not load: tensorrt'):
        check_usable(torch.device('cuda'))


def test_an_engine_is_named_by_everything_it_depends_on():
    name = engine_name('encoder', b'graph', **KEY)
    assert name.startswith('encoder_NVIDIA-H200-SXM-_trt10.9.0_512x640_fp16_')
    assert name == engine_name('encoder', b'graph', **KEY)
    others = [
        engine_name('head', b'graph', **KEY),
        engine_name('encoder', b'other graph', **KEY),
        engine_name('encoder', b'graph', **KEY | {'gpu': 'NVIDIA L4'}),
        engine_name('encoder', b'graph', **KEY | {'version': '10.10.0'}),
        engine_name('encoder', b'graph', **KEY | {'size': (640, 512)}),
        engine_name('encoder', b'graph', **KEY | {'precision': 'bf16'}),
    ]
    assert len({name, *others}) == 7


def test_an_engine_may_be_a_file_anywhere():
    name = engine_name('encoder', b'graph', **KEY | {'gpu': 'a/b\\c:*?"<>| d'})
    assert re.fullmatch(r'[A-Za-z0-9._-]+\.engine', name)


class FakeTensorRt:
    """The calls that building an engine takes, noted."""

    def __init__(self):
        self.flags = []
        self.shapes = {}
        self.built = 0
        self.parses = True
        self.Logger = lambda level: level
        self.Logger.WARNING = 0
        self.BuilderFlag = SimpleNamespace(BF16='BF16', FP16='FP16', INT8='INT8', TF32='TF32')
        self.IProgressMonitor = object
        self.Builder = lambda logger: self
        self.OnnxParser = lambda network, logger: self
        self.Runtime = lambda logger: self
        self.num_errors = 1

    def create_network(self, flags):
        return 'network'

    def parse(self, model):
        return self.parses

    def get_error(self, index):
        return f'no such operator {index}'

    create_builder_config = create_optimization_profile = lambda self: self

    def set_flag(self, flag):
        self.flags.append(f'+{flag}')

    def clear_flag(self, flag):
        self.flags.append(f'-{flag}')

    def set_shape(self, name, *shapes):
        self.shapes[name] = shapes

    def add_optimization_profile(self, profile):
        pass

    def build_serialized_network(self, network, config):
        self.built += 1
        config.progress_monitor.phase_start('tactics', None, 7)
        config.progress_monitor.phase_start('part of it', 'tactics', 3)
        assert config.progress_monitor.step_complete('tactics', 1)
        return b'plan'

    def deserialize_cuda_engine(self, plan):
        return f'engine of {plan.decode()}' if plan == b'plan' else None


@pytest.fixture
def fake(monkeypatch):
    fake = FakeTensorRt()
    monkeypatch.setitem(sys.modules, 'tensorrt', fake)
    return fake


SHAPES = {'image': ((1, 3, 64, 96), (2, 3, 64, 96), (8, 3, 64, 96))}


def test_an_engine_is_built_once_and_told_of(fake, tmp_path):
    told = []
    file = tmp_path / 'a.engine'
    assert open_engine(file, b'graph', SHAPES, 'fp32', told.append) == 'engine of plan'
    assert fake.shapes == SHAPES
    assert [line for line in told if 'takes minutes' in line]
    assert told[-1] == 'TensorRT: tactics, 7 steps'
    assert open_engine(file, b'graph', SHAPES, 'fp32', told.append) == 'engine of plan'
    assert fake.built == 1
    assert [each.name for each in tmp_path.iterdir()] == ['a.engine']


@pytest.mark.parametrize(
    ('precision', 'flags'),
    [
        ('fp32', ['-TF32']),
        ('bf16', ['+BF16']),
        ('fp16', ['+FP16']),
        ('int8', ['+INT8', '+FP16']),
    ],
)
def test_a_precision_is_a_set_of_flags(fake, tmp_path, precision, flags):
    assert precision in FLAGS
    open_engine(tmp_path / 'a.engine', b'graph', SHAPES, precision, str)
    assert fake.flags == flags


def test_a_graph_that_is_refused_is_told_why(fake, tmp_path):
    fake.parses = False
    with pytest.raises(RobustSegError, match='cannot read the ONNX graph: no such operator 0'):
        open_engine(tmp_path / 'a.engine', b'graph', SHAPES, 'fp32', str)
    assert not list(tmp_path.iterdir())


def test_an_engine_that_cannot_be_read_is_named(fake, tmp_path):
    (tmp_path / 'a.engine').write_bytes(b'of another version')
    with pytest.raises(RobustSegError, match=r'a\.engine: TensorRT cannot read it; delete it'):
        open_engine(tmp_path / 'a.engine', b'graph', SHAPES, 'fp32', str)
