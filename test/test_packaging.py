"""What the package says it needs is what it imports, in every place that says so."""

import ast
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
import sys
from xml.etree import ElementTree as ET

from packaging.requirements import Requirement
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ('robustseg_core', 'robustseg_ros', 'launch')
# Import name -> the name in package.xml, where they differ.
ROSDEP = {'tf2_ros': 'tf2_ros_py', 'cv2': 'python3-opencv', 'yaml': 'python3-yaml'}
# Import name -> the name on PyPI, where they differ.
PIP = {'cv2': 'opencv-python', 'yaml': 'pyyaml'}
# Imported by commands that are no part of a robot and say what they lack, or part of what is
# declared (apsw of rosbags, google.protobuf of onnx).
OFFLINE = {
    'PIL', 'google', 'h5py', 'hdf5plugin', 'jsonargparse', 'lightning', 'matplotlib',
    'nncf', 'onnxruntime', 'sklearn', 'tensorrt', 'torchvision', 'transformers',
}  # fmt: skip


def imported() -> Iterator[str]:
    """Yield the top-level name of every foreign package that the code imports."""
    files = [
        f for folder in ('robustseg_core', 'robustseg_ros') for f in ROOT.glob(f'{folder}/**/*.py')
    ]
    for file in [*files, *ROOT.glob('launch/*.py')]:
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                top = name.partition('.')[0]
                if top not in sys.stdlib_module_names and not top.startswith('robustseg_'):
                    yield top


def declared_to_rosdep() -> set[str]:
    root = ET.parse(ROOT / 'package.xml').getroot()
    return {element.text for tag in ('depend', 'exec_depend') for element in root.iter(tag)}


def declared_to_pip() -> dict[str, Requirement]:
    lines = (ROOT / 'requirements.txt').read_text().splitlines()
    parsed = [Requirement(line) for line in lines if line and not line.startswith('#')]
    return {requirement.name: requirement for requirement in parsed}


def test_everything_imported_stands_in_package_xml_or_in_the_pip_requirements():
    rosdep, pip = declared_to_rosdep(), declared_to_pip()
    undeclared = {
        name
        for name in imported()
        if ROSDEP.get(name, name) not in rosdep
        and f'python3-{name}' not in rosdep
        and PIP.get(name, name) not in pip
        and name not in OFFLINE
    }
    assert not undeclared


def test_nothing_is_called_offline_that_is_not_imported():
    assert not OFFLINE - set(imported())


@pytest.mark.parametrize('name', sorted(declared_to_pip()))
def test_the_pip_requirements_lie_within_those_of_setup_py(name):
    ours = declared_to_pip()[name].specifier
    everywhere = [Requirement(text) for text in requires('robustseg_ros') or ()]
    theirs = [each.specifier for each in everywhere if each.name == name]
    assert theirs
    lowest = next(each.version for each in ours if each.operator == '>=')
    assert all(lowest in specifier for specifier in theirs)
    # Where setup.py has an upper end, so have we, and none beyond it.
    ends = {each.version for specifier in theirs for each in specifier if each.operator == '<'}
    upper = [each.version for each in ours if each.operator == '<']
    assert not ends or (len(upper) == 1 and min(ends) >= upper[0])


def test_the_tests_are_declared_so_that_colcon_collects_them():
    root = ET.parse(ROOT / 'package.xml').getroot()
    declared = {element.text for element in root.iter('test_depend')}
    assert {'python3-pytest', 'python3-pytest-timeout', 'launch_pytest'} <= declared
