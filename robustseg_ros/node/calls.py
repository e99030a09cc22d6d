"""Calls from outside: whatever is asked, it is answered, and the node lives."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically

from robustseg_core.quoting import quoted


def answer_all(node: Any, on_error: Callable[[Exception], None]) -> None:
    """Let every service of ``node`` answer even where its callback raises.

    rclpy lets such an exception out of ``spin``, and leaves the caller to wait for ever: a value
    of an unknown type in ``~/set_parameters`` is enough.

    Args:
        node: With all its services.
        on_error: Told of every such exception.
    """
    for service in node.services:
        service.callback = _answering(service, on_error)


def refusal(service: Any, request: Any, reason: str) -> Any:
    """Return the response of ``service`` that says that nothing was done, and why."""
    result = SetParametersResult(successful=False, reason=reason)
    if service is SetParameters:
        return SetParameters.Response(results=[result] * len(request.parameters))
    if service is SetParametersAtomically:
        return SetParametersAtomically.Response(result=result)
    response = service.Response()
    if hasattr(response, 'message'):
        response.message = reason
    return response


def _answering(service: Any, on_error: Callable[[Exception], None]) -> Callable[..., Any]:
    callback = service.callback

    async def answer(request: Any, response: Any) -> Any:
        try:
            result = callback(request, response)
            return await result if isawaitable(result) else result
        except Exception as error:  # a boundary: a stranger's call must not end the node
            on_error(error)
            reason = f'{type(error).__name__}: {quoted(error)}'
            return refusal(service.srv_type, request, reason)

    return answer
