"""Optional packages: not installed, broken in every way, and what that costs."""

from pathlib import Path
import sys

import pytest

from robustseg_ros.node import optional
from robustseg_ros.node.health import Health
from robustseg_ros.node.optional import OptionalPackage

FAKE = OptionalPackage('fake_bridge', 'exotic images are refused')
BROKEN = {
    'SystemError': "raise SystemError('initialization of _bridge failed')",
    'OSError': "raise OSError('libopencv_core.so.4.6: cannot open shared object file')",
    'AttributeError': "raise AttributeError('_ARRAY_API not found')",
    'ImportError': "raise ImportError('numpy.core.multiarray failed to import')",
    'ModuleNotFoundError': 'import no_such_dependency_of_it',
    'RuntimeError': "raise RuntimeError('x')",
    'SyntaxError': 'def',
    'SystemExit': 'raise SystemExit(3)',
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package ``fake_bridge`` of this source on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> Path:
        path = tmp_path / 'fake_bridge.py'
        path.write_text(source)
        return path

    yield write
    optional._broken.pop(FAKE.module, None)
    optional._broken.pop('fake_bridge.msg', None)
    sys.modules.pop(FAKE.module, None)


@pytest.mark.parametrize('name', BROKEN)
def test_a_package_that_breaks_while_it_loads_is_told_with_its_cause(package, name):
    package(BROKEN[name])
    assert optional.load(FAKE) is None
    why = optional.why_missing(FAKE)
    assert why.startswith(f'is installed but does not load: {name}: ')
    assert 'not installed' not in why
    [found] = optional.missing([FAKE])
    assert found == ('fake_bridge', why, 'exotic images are refused', True)


def test_a_cause_of_megabytes_is_cut(package):
    package("raise OSError('x' * 5_000_000)")
    assert len(optional.why_missing(FAKE)) < 1000


def test_a_package_that_broke_is_not_run_again(package):
    path = package("raise SystemError('first')")
    assert 'first' in optional.why_missing(FAKE)
    path.write_text("raise SystemError('second')")
    assert 'first' in optional.why_missing(FAKE)


def test_a_package_that_is_not_there_is_told_as_that():
    package = OptionalPackage('no_such_package.msg', 'nothing')
    assert optional.load(package) is None
    assert optional.missing([package]) == [
        ('no_such_package', 'is not installed', 'nothing', False)
    ]


def test_a_package_without_the_part_that_is_wanted_is_installed_but_does_not_load(package):
    package('')
    why = optional.why_missing(OptionalPackage('fake_bridge.msg', 'nothing'))
    assert why.startswith('is installed but does not load: ModuleNotFoundError: ')


def test_a_good_package_is_loaded_and_not_missing(package):
    package('ANSWER = 42')
    assert optional.load(FAKE).ANSWER == 42
    assert optional.why_missing(FAKE) == ''
    assert optional.missing([FAKE]) == []


def test_whoever_stops_the_program_while_it_loads_is_heard(package):
    package('raise KeyboardInterrupt')
    with pytest.raises(KeyboardInterrupt):
        optional.load(FAKE)


def test_diagnostics_tell_what_is_broken_from_what_is_not_there(package):
    package("raise SystemError('numpy')")
    missing = optional.missing([FAKE, OptionalPackage('no_such_package', 'no doors')])
    whole = Health('segment', missing).whole(
        lifecycle='inactive',
        failure='',
        alive=[],
        enabled=[],
        letters={},
        notes=[],
        is_error=False,
        values={},
    )
    values = {value.key: value.value for value in whole.values}
    assert values['not installed: no_such_package'] == 'no doors'
    assert values['does not load: fake_bridge'] == (
        "exotic images are refused; it is installed but does not load: SystemError: 'numpy'"
    )
