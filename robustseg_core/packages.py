"""Packages that not everybody has: whether one is there, and loads."""

from __future__ import annotations

from importlib import import_module

from robustseg_core.quoting import quoted

NOT_INSTALLED = 'is not installed'


def load_problem(module: str) -> str:
    """Return why ``module`` cannot be imported, as the end of a sentence; empty if it can.

    An ImportError from inside a package that is there does not say that it is not installed.
    """
    cause: BaseException
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        # The package itself, and not a part of it or one that it imports in turn.
        if error.name == module.partition('.')[0]:
            return NOT_INSTALLED
        cause = error
    # A boundary: somebody else's code is run, and an extension built for another numpy raises
    # whatever it likes.
    except (Exception, SystemExit) as error:
        cause = error
    else:
        return ''
    return f'is installed but does not load: {type(cause).__name__}: {quoted(cause)}'
