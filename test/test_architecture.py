"""The rules of docs/ARCHITECTURE.md, checked on the source.

Every rule is also tried on a source that breaks it, so that it is known to be able to fail.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
import re

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ('robustseg_core', 'robustseg_ros', 'launch', 'test')
PACKAGES = ('robustseg_core', 'robustseg_ros')
MOST_LINES = 400

# What each room of the core may import of the others.
VOCABULARY = {'documents', 'errors', 'files', 'labels', 'modalities', 'packages', 'quoting',
              'ranges', 'typed'}  # fmt: skip
LEARNING = {'data', 'training', 'evaluation', 'distillation'}
MAY_IMPORT = {
    'sensors': VOCABULARY,
    'models': VOCABULARY,
    'distillation': VOCABULARY | {'models', 'sensors'},
    'data': VOCABULARY | {'models', 'sensors'},
    'runtime': VOCABULARY | {'models', 'sensors'},
    'benchmarking': VOCABULARY | {'models', 'sensors', 'runtime'},
    'evaluation': VOCABULARY | {'models', 'sensors', 'distillation', 'data', 'runtime'},
    'exporting': VOCABULARY | {'models', 'sensors', 'data', 'evaluation', 'runtime'},
    'training': VOCABULARY | LEARNING - {'training'} | {'models', 'sensors', 'runtime'},
}
ROOMS = set(MAY_IMPORT) | VOCABULARY
FACE = ('robustseg_core/__init__.py', 'robustseg_core.models.checkpoint')  # imports it lazily
OFFLINE = re.compile(r'robustseg_ros/(bags|demo)/')
OFFLINE_MAY_NOT = {'training', 'distillation'}
ROS = {
    'action_msgs', 'ament_index_python', 'builtin_interfaces', 'cv_bridge', 'diagnostic_msgs',
    'diagnostic_updater', 'event_camera_msgs', 'event_camera_py', 'geometry_msgs', 'launch',
    'launch_ros', 'lifecycle_msgs', 'message_filters', 'rcl_interfaces', 'rclpy', 'ros2bag',
    'rosbag2_py', 'rosgraph_msgs', 'rosidl_runtime_py', 'sensor_msgs', 'sensor_msgs_py',
    'std_msgs', 'std_srvs', 'tf2_msgs', 'tf2_ros', 'vision_msgs'}  # fmt: skip
MAY_PRINT = re.compile(
    r'robustseg_core/[a-z_]+\.py$|robustseg_ros/(demo/__main__|bags/(convert|play))\.py$'
)
NO_NAMES = {'utils', 'helpers', 'common', 'misc'}
OUTSIDE_WORLD = {
    'time.time', 'time.time_ns', 'time.sleep', 'datetime.datetime.now', 'datetime.datetime.utcnow',
    'datetime.datetime.today', 'os.environ', 'os.getenv',
}  # fmt: skip
UNPICKLERS = {'pickle.load', 'pickle.loads', 'pickle.Unpickler', 'dill.load', 'joblib.load'}
SOMEONES_FOLDER = re.compile(r'/(home|root|Users|work|mnt|media|data|tmp)/')


def is_entry_point(path: str) -> bool:
    """Tell whether ``path`` is a command of the core: a file beside the vocabulary."""
    parts = PurePosixPath(path).parts
    return (
        len(parts) == 2
        and parts[0] == 'robustseg_core'
        and PurePosixPath(path).stem not in VOCABULARY | {'__init__'}
    )


def imports(path: str, tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything imported, wherever in the file and however written."""
    package = PurePosixPath(path).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = '.'.join([*above, *([node.module] if node.module else [])])
            # `from robustseg_core import data` imports a module, too.
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and name_of(node.func).split('.')[-1] in {
            'import_module',
            '__import__',
        }:
            yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant))


def name_of(node: ast.AST) -> str:
    """Return ``a.b.c`` of such an expression, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := name_of(node.value)):
        return f'{base}.{node.attr}'
    return ''


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield name_of(node.func), node


def keyword(call: ast.Call, name: str) -> object:
    """Return the literal value of keyword ``name``; None if absent or no literal."""
    for each in call.keywords:
        if each.arg == name and isinstance(each.value, ast.Constant):
            return each.value.value
    return None


def in_package(path: str) -> bool:
    return path.startswith(PACKAGES)


def core_knows_no_ros(path: str, tree: ast.Module) -> Iterator[str]:
    if path.startswith('robustseg_core/'):
        for name in imports(path, tree):
            if name.split('.')[0] in ROS | {'robustseg_ros'}:
                yield f'imports {name}'


def rooms_of_the_core_import_downwards(path: str, tree: ast.Module) -> Iterator[str]:
    parts = PurePosixPath(path).parts
    if parts[0] != 'robustseg_core' or is_entry_point(path):
        return
    room = parts[1] if len(parts) > 2 else PurePosixPath(path).stem
    # The vocabulary's files may know each other; a room is itself.
    allowed = MAY_IMPORT.get(room, VOCABULARY) | {room}
    for name in imports(path, tree):
        pieces = name.split('.')
        is_face = path == FACE[0] and name.startswith(FACE[1].rpartition('.')[0])
        if pieces[0] == 'robustseg_core' and len(pieces) > 1 and not is_face:
            is_exported = pieces[1] in {'load_model', 'save_model'}
            target = 'models' if is_exported else pieces[1]
            if target not in allowed and target != '*':
                yield f'{room} imports {name}'


def ros_does_not_learn(path: str, tree: ast.Module) -> Iterator[str]:
    if path.startswith('robustseg_ros/'):
        forbidden = OFFLINE_MAY_NOT if OFFLINE.match(path) else LEARNING
        for name in imports(path, tree):
            pieces = [*name.split('.'), '', '']
            if pieces[0] == 'robustseg_core' and pieces[1] in forbidden:
                yield f'imports {name}'


def nobody_imports_an_entry_point(path: str, tree: ast.Module) -> Iterator[str]:
    if in_package(path):
        for name in imports(path, tree):
            pieces = name.split('.')
            if pieces[0] == 'robustseg_core' and len(pieces) > 1:
                file = f'robustseg_core/{pieces[1]}.py'
                if is_entry_point(file) and (ROOT / file).is_file() and file != path:
                    yield f'imports {name}'


def text_is_not_executed(path: str, tree: ast.Module) -> Iterator[str]:
    yield from (f'calls {name}()' for name, _ in calls(tree) if name in {'eval', 'exec'})


def imports_name_what_they_import(path: str, tree: ast.Module) -> Iterator[str]:
    yield from (f'imports {name}' for name in imports(path, tree) if name.endswith('.*'))


def files_are_named_by_what_they_hold(path: str, tree: ast.Module) -> Iterator[str]:
    names = {part.strip('_') for part in PurePosixPath(path).with_suffix('').parts}
    yield from (f'is called {name}' for name in sorted(names & NO_NAMES))


def files_are_short(path: str, tree: ast.Module) -> Iterator[str]:
    lines = tree.end_lines
    if lines > MOST_LINES:
        yield f'has {lines} lines; at most {MOST_LINES}'


def weights_are_loaded_whole(path: str, tree: ast.Module) -> Iterator[str]:
    for name, call in calls(tree):
        # zip(strict=False) says that lengths may differ, and is not about weights.
        if keyword(call, 'strict') is False and name != 'zip':
            yield f'calls {ast.unparse(call.func)}(strict=False)'
        is_second_false = any(ast.unparse(each) == 'False' for each in call.args[1:2])
        if is_second_false and ast.unparse(call.func).endswith('.load_state_dict'):
            yield 'calls load_state_dict(..., False)'


def nothing_is_unpickled(path: str, tree: ast.Module) -> Iterator[str]:
    for name, call in calls(tree):
        if name == 'torch.load' and keyword(call, 'weights_only') is not True:
            yield 'calls torch.load without weights_only=True'
    if 'torch.load' in imports(path, tree):
        yield 'imports torch.load, which hides its calls'
    names = {name_of(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for name in sorted({*names, *imports(path, tree)}):
        if name in UNPICKLERS:
            yield f'uses {name}'


def only_entry_points_print(path: str, tree: ast.Module) -> Iterator[str]:
    if in_package(path) and not MAY_PRINT.match(path):
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == 'print':
                yield 'prints'


def core_is_told_the_time(path: str, tree: ast.Module) -> Iterator[str]:
    """No wall clock, sleep or environment in the core, by whatever name it was imported."""
    if not path.startswith('robustseg_core/') or is_entry_point(path):
        return
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            aliases |= {a.asname or a.name: f'{node.module}.{a.name}' for a in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, dot, rest = name_of(node).partition('.')
            name = aliases.get(first, first) + dot + rest
            if name in OUTSIDE_WORLD:
                yield f'uses {name}'


def runtime_has_no_threads(path: str, tree: ast.Module) -> Iterator[str]:
    if path.startswith('robustseg_core/runtime/'):
        for name in imports(path, tree):
            if name.split('.')[0] in {'threading', 'concurrent', 'asyncio', 'multiprocessing'}:
                yield f'imports {name}'


def no_path_leads_to_someones_machine(path: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree) if in_package(path) else ():
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and SOMEONES_FOLDER.match(value):
            yield f'names {value!r}'


def devices_are_chosen_by_the_caller(path: str, tree: ast.Module) -> Iterator[str]:
    for _, call in calls(tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr == 'cuda':
            yield 'calls .cuda()'


RULES = (
    core_knows_no_ros,
    rooms_of_the_core_import_downwards,
    ros_does_not_learn,
    nobody_imports_an_entry_point,
    text_is_not_executed,
    imports_name_what_they_import,
    files_are_named_by_what_they_hold,
    files_are_short,
    weights_are_loaded_whole,
    nothing_is_unpickled,
    only_entry_points_print,
    core_is_told_the_time,
    runtime_has_no_threads,
    no_path_leads_to_someones_machine,
    devices_are_chosen_by_the_caller,
)


@cache
def parsed(path: str, source: str) -> ast.Module:
    tree = ast.parse(source, path)
    tree.end_lines = source.count('\n')
    return tree


def offences(rule, path: str, source: str) -> list[str]:
    tree = parsed(path, source)
    return [f'{path} {offence}' for offence in rule(path, tree)]


@pytest.fixture(scope='module')
def sources() -> dict[str, str]:
    found = {
        file.relative_to(ROOT).as_posix(): file.read_text()
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob('*.py'))
    }
    assert 'robustseg_core/runtime/synchronizer.py' in found
    return found


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule, sources):
    assert not [each for path, source in sources.items() for each in offences(rule, path, source)]


def test_every_room_of_the_core_is_known():
    folders = {each.parent.name for each in (ROOT / 'robustseg_core').glob('*/__init__.py')}
    assert folders <= set(MAY_IMPORT)


BREAKING = [
    (core_knows_no_ros, 'robustseg_core/runtime/x.py', 'import rclpy.node'),
    (
        core_knows_no_ros,
        'robustseg_core/train.py',
        'def f():\n    from sensor_msgs.msg import Image',
    ),
    (core_knows_no_ros, 'robustseg_core/x.py', 'from robustseg_ros import demo'),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/models/x.py',
        'import robustseg_core.data',
    ),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/distillation/x.py',
        'from robustseg_core import data',
    ),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/runtime/x.py',
        'def f():\n    from robustseg_core.evaluation.confusion import Confusion',
    ),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/runtime/x.py',
        'from ..training import y',
    ),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/labels.py',
        'from robustseg_core.sensors import z',
    ),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/sensors/x.py',
        "import importlib\nimportlib.import_module('robustseg_core.models')",
    ),
    (
        rooms_of_the_core_import_downwards,
        'robustseg_core/__init__.py',
        'from robustseg_core.training import trainer',
    ),
    (ros_does_not_learn, 'robustseg_ros/segment/node.py', 'from robustseg_core import evaluation'),
    (ros_does_not_learn, 'robustseg_ros/segment/outputs.py', 'import robustseg_core.data.sample'),
    (ros_does_not_learn, 'robustseg_ros/demo/x.py', 'import robustseg_core.training.trainer'),
    (
        nobody_imports_an_entry_point,
        'robustseg_ros/x.py',
        'from robustseg_core.benchmark import main',
    ),
    (text_is_not_executed, 'launch/x.launch.py', "eval('1')"),
    (text_is_not_executed, 'test/x.py', "exec('a = 1')"),
    (imports_name_what_they_import, 'robustseg_core/models/x.py', 'from math import *'),
    (files_are_named_by_what_they_hold, 'robustseg_core/models/utils.py', ''),
    (files_are_named_by_what_they_hold, 'robustseg_ros/common/x.py', ''),
    (files_are_short, 'robustseg_core/models/x.py', 'a = 1\n' * 401),
    (weights_are_loaded_whole, 'robustseg_core/x.py', 'model.load_state_dict(w, strict=False)'),
    (weights_are_loaded_whole, 'robustseg_core/x.py', 'make().load_state_dict(w, False)'),
    (nothing_is_unpickled, 'robustseg_core/x.py', "torch.load('w.pth')"),
    (nothing_is_unpickled, 'robustseg_core/x.py', "torch.load('w.pth', weights_only=False)"),
    (nothing_is_unpickled, 'robustseg_core/x.py', 'from torch import load'),
    (nothing_is_unpickled, 'robustseg_core/x.py', 'import pickle\npickle.loads(b)'),
    (nothing_is_unpickled, 'robustseg_core/x.py', 'from pickle import Unpickler'),
    (only_entry_points_print, 'robustseg_core/models/x.py', "print('here')"),
    (only_entry_points_print, 'robustseg_ros/segment/node.py', 'f(tell=print)'),
    (core_is_told_the_time, 'robustseg_core/runtime/x.py', 'import time\ntime.time()'),
    (core_is_told_the_time, 'robustseg_core/runtime/x.py', 'from time import time as now\nnow()'),
    (core_is_told_the_time, 'robustseg_core/data/x.py', "import os\nos.environ['HOME']"),
    (core_is_told_the_time, 'robustseg_core/data/x.py', 'from os import getenv\ngetenv()'),
    (
        core_is_told_the_time,
        'robustseg_core/data/x.py',
        'from datetime import datetime\ndatetime.now()',
    ),
    (runtime_has_no_threads, 'robustseg_core/runtime/x.py', 'from threading import Thread'),
    (no_path_leads_to_someones_machine, 'robustseg_core/data/x.py', "ROOT = '/home/me/data'"),
    (devices_are_chosen_by_the_caller, 'robustseg_core/models/x.py', 'model.cuda()'),
]


@pytest.mark.parametrize(('rule', 'path', 'source'), BREAKING)
def test_the_rule_can_be_broken(rule, path, source):
    assert offences(rule, path, source)


def test_every_rule_is_tried():
    assert {rule for rule, _, _ in BREAKING} == set(RULES)


@pytest.mark.parametrize(
    ('path', 'source'),
    [
        ('robustseg_core/train.py', 'import robustseg_core.training.trainer\nprint(1)'),
        ('robustseg_core/runtime/x.py', 'from robustseg_core.models.checkpoint import load_model'),
        ('robustseg_core/runtime/x.py', 'from time import perf_counter\nmodel.eval()'),
        ('robustseg_core/runtime/x.py', 'from .frames import Drops\nzip(a, b, strict=False)'),
        ('robustseg_core/__init__.py', 'from robustseg_core.models import checkpoint'),
        ('robustseg_core/labels.py', 'from robustseg_core.errors import ConfigError'),
        ('robustseg_core/models/x.py', "torch.load('w.pth', weights_only=True)"),
        ('robustseg_core/runtime/x.py', 'torch.cuda.synchronize()'),
        ('robustseg_ros/demo/x.py', 'from robustseg_core.evaluation import confusion'),
        ('robustseg_ros/demo/__main__.py', 'print(1)'),
        ('robustseg_ros/bags/convert.py', 'from robustseg_core.data import deliver'),
        ('robustseg_ros/segment/node.py', 'import time\ntime.monotonic()'),
    ],
)
def test_what_is_allowed_is_not_called_an_offence(path, source):
    assert not [each for rule in RULES for each in offences(rule, path, source)]
