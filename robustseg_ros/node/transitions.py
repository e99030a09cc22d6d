"""Lifecycle transitions that say why they failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import isawaitable
import traceback
from typing import Any, TypeVar

from rclpy.lifecycle import TransitionCallbackReturn

from robustseg_core.errors import RobustSegError

Node = TypeVar('Node', bound=Any)
Transition = Callable[[Node, Any], TransitionCallbackReturn | Awaitable[TransitionCallbackReturn]]


def reported(
    transition: Transition[Node],
) -> Callable[[Node, Any], Awaitable[TransitionCallbackReturn]]:
    """Log what ``transition`` raises, and tell the node's ``on_failed(message)``.

    An error raised on purpose is a FAILURE (back to the state before); anything else is a bug:
    ERROR, with its traceback in the log.
    """

    @wraps(transition)
    async def wrapper(node: Node, state: Any) -> TransitionCallbackReturn:
        step = transition.__name__.removeprefix('on_')
        try:
            result = transition(node, state)
            return await result if isawaitable(result) else result
        except RobustSegError as error:
            node.on_failed(f'{step} failed: {error}')
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # a boundary: whatever it is, it must be seen
            node.on_failed(f'{step} broke: {error!r}\n{traceback.format_exc()}')
            return TransitionCallbackReturn.ERROR

    return wrapper
