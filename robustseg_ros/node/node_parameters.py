"""The parameters on the node: declared, checked, and remembered when they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterType,
    SetParametersResult,
)
from rclpy.exceptions import NameValidationException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_topic_name import validate_topic_name

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import quoted
from robustseg_ros.node.parameter import Effect, Parameter
from robustseg_ros.node.parameters import (
    MODALITIES,
    idle_modality,
    parameter_table,
    unknown_parameter,
)

_TYPES = {
    'boolean': ParameterType.PARAMETER_BOOL,
    'integer': ParameterType.PARAMETER_INTEGER,
    'double': ParameterType.PARAMETER_DOUBLE,
    'string': ParameterType.PARAMETER_STRING,
    'double array': ParameterType.PARAMETER_DOUBLE_ARRAY,
    'string array': ParameterType.PARAMETER_STRING_ARRAY,
}
# What rclpy itself takes from a parameter file.
_FOREIGN = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


class NodeParameters:
    """Declares every parameter and answers every change.

    A wrong value at the start must not end the node: the default takes its place, and reading
    the parameters fails with the complaint until a good value is set.

    Args:
        node: The node.
        given: Names that the command line or a parameter file sets.
        on_changed: Called with the names that changed, after they did.
    """

    def __init__(
        self, node: Any, given: Mapping[str, Any], on_changed: Callable[[set[str]], None]
    ) -> None:
        self._node = node
        self._given = given
        self._on_changed = on_changed
        self._problems: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._told: set[str] = set()
        general = parameter_table(())
        self._declare(general['modalities'])
        modalities = self._values['modalities']
        usable = all(name.isidentifier() and name.isascii() for name in modalities)
        if not modalities or len(set(modalities)) != len(modalities) or not usable:
            self._problems['modalities'] = (
                f"Parameter 'modalities' is {modalities!r}; wanted different names, at least one, "
                f'such as {list(MODALITIES)}.'
            )
            modalities = self._values['modalities'] = list(MODALITIES)
        self._table = parameter_table(modalities)
        for name, parameter in self._table.items():
            if name != 'modalities':
                self._declare(parameter)
        strange = [n for n in given if n not in self._table and not n.startswith(_FOREIGN)]
        idle = {name: idle_modality(name, modalities) for name in strange}
        for name in strange:
            if not idle[name]:
                node.get_logger().warning(unknown_parameter(name, self._table))
        if unused := sorted({modality for modality in idle.values() if modality}):
            node.get_logger().info(
                f"The parameters of {', '.join(unused)} have no effect: not in 'modalities'."
            )
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._keep)

    def values(self) -> dict[str, Any]:
        """Return every value by name.

        Raises:
            ConfigError: Values given at the start are wrong.
        """
        if self._problems:
            raise ConfigError(' '.join(self._problems.values()))
        return dict(self._values)

    def tell_unused_qos(self) -> None:
        """Warn of ``qos_overrides`` for which nothing was found; once all topics are there."""
        prefix = 'qos_overrides.'
        used = set(self._node.list_parameters([prefix.rstrip('.')], 0).names)
        for name in self._given:
            if name.startswith(prefix) and name not in used and name not in self._told:
                self._told.add(name)
                self._node.get_logger().warning(unknown_parameter(name, used))

    def effect(self, name: str) -> str:
        """Return in words when a new value of ``name`` counts."""
        return self._table[name].effect.value

    def _declare(self, parameter: Parameter) -> None:
        name, value = parameter.name, parameter.default
        given = self._given[name].value if name in self._given else None
        # An empty list in a parameter file has no type and comes as None.
        if given is not None:
            try:
                value = self._checked(parameter, given)
            except ConfigError as error:
                self._problems[name] = str(error)
        self._node.declare_parameter(name, value, descriptor(parameter), ignore_override=True)
        self._values[name] = value

    def _checked(self, parameter: Parameter, value: Any) -> Any:
        checked = parameter.check(value)
        # An input that is not listened to need not have a topic.
        if parameter.is_topic and (checked or not parameter.name.endswith('.topic')):
            check_topic(self._node, parameter.name, str(checked))
        return checked

    def _check(self, changes: list[Any]) -> SetParametersResult:
        """Say whether ``changes`` are allowed; changes nothing."""
        for change in changes:
            if change.name in self._table:
                try:
                    self._checked(self._table[change.name], change.value)
                except ConfigError as error:
                    return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _keep(self, changes: list[Any]) -> None:
        names = {change.name for change in changes if change.name in self._table}
        for change in changes:
            if change.name in names:
                self._values[change.name] = self._table[change.name].check(change.value)
                self._problems.pop(change.name, None)
        if names:
            self._on_changed(names)


def check_topic(node: Any, name: str, topic: str) -> None:
    """Check that ``topic`` names a topic, seen from ``node``.

    Raises:
        ConfigError: Says what is wrong with it.
    """
    try:
        validate_topic_name(topic)
        full = expand_topic_name(topic, node.get_name(), node.get_namespace())
        validate_full_topic_name(full)
    except (NameValidationException, ValueError) as error:
        # rclpy says it in the first line, and shows the place in others.
        why = str(error).splitlines()[0].partition(', at /')[0].rstrip(':').rpartition(': ')[2]
        msg = f'Parameter {name!r} is {quoted(topic)}; wanted the name of a topic: {why}.'
        raise ConfigError(msg) from error


def descriptor(parameter: Parameter) -> ParameterDescriptor:
    """Return what ``ros2 param describe`` shows."""
    result = ParameterDescriptor(
        name=parameter.name,
        type=_TYPES[parameter.type_name],
        description=f'{parameter.description} Takes effect: {parameter.effect.value}.',
        additional_constraints=f'Wanted: {parameter.wanted}.',
        read_only=parameter.effect is Effect.START,
        # The type is checked by us: a whole number will do for a double, and an empty list has
        # none.
        dynamic_typing=True,
    )
    if parameter.limits and parameter.type_name == 'integer':
        low, high = (int(limit) for limit in parameter.limits)
        result.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    elif parameter.limits:
        low_m, high_m = parameter.limits
        result.floating_point_range = [
            FloatingPointRange(from_value=float(low_m), to_value=float(high_m), step=0.0)
        ]
    return result
