"""Packages that are there, that are not, and that break while they load."""

import pytest

from robustseg_core.packages import NOT_INSTALLED, load_problem

BROKEN = {
    'SystemError': "raise SystemError('initialization of _extension failed')",
    'OSError': "raise OSError('libsomething.so.4: cannot open shared object file')",
    'AttributeError': "raise AttributeError('_ARRAY_API not found')",
    'ImportError': "raise ImportError('numpy.core.multiarray failed to import')",
    'ModuleNotFoundError': 'import no_such_dependency_of_it',
    'SystemExit': 'raise SystemExit(3)',
}


def test_one_that_is_there_has_no_problem():
    assert load_problem('json') == ''


def test_one_that_is_not_there_is_not_installed():
    assert load_problem('no_such_package_at_all') == NOT_INSTALLED
    assert load_problem('no_such_package_at_all.part') == NOT_INSTALLED


@pytest.mark.parametrize('name', BROKEN)
def test_one_that_breaks_while_it_loads_is_told_with_its_cause(tmp_path, monkeypatch, name):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f'breaks_by_{name}.py').write_text(BROKEN[name])
    why = load_problem(f'breaks_by_{name}')
    assert why.startswith(f'is installed but does not load: {name}: ')
