"""The DDS transport that lets large messages arrive: finds its profile, sets its environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import os
from pathlib import Path
import sys

from robustseg_core.errors import ConfigError

PROFILE = 'fastdds.xml'
# Fast DDS 3 (from Kilted on) reads the first and warns of the second, which is all that Fast DDS 2
# (up to Jazzy) knows.
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
FAST_DDS_2_DISTRIBUTIONS = ('humble', 'iron', 'jazzy')
# Any of these says that the user has chosen a transport.
CHOICE_VARIABLES = (*PROFILE_VARIABLES, 'FASTDDS_BUILTIN_TRANSPORTS')
RMW_VARIABLE = 'RMW_IMPLEMENTATION'
FAST_DDS = ('', 'rmw_fastrtps_cpp', 'rmw_fastrtps_dynamic_cpp')


def environment(current: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that switch the profile on for a process.

    Args:
        current: The environment the process would have without them; this process's by default.

    Returns:
        One variable with the path of the profile; none where the user has chosen a transport, or
        runs another middleware than Fast DDS.

    Raises:
        ConfigError: The profile is not installed.
    """
    current = os.environ if current is None else current
    if any(current.get(name) for name in CHOICE_VARIABLES):
        return {}
    if current.get(RMW_VARIABLE, '') not in FAST_DDS:
        return {}
    return {profile_variable(current): str(profile_path())}


def apply() -> bool:
    """Switch the profile on for this process and those it starts, unless the user chose otherwise.

    Takes effect where it runs before the first participant is created, that is before
    ``rclpy.init``.

    Returns:
        Whether the profile is in use through this call.

    Raises:
        ConfigError: The profile is not installed.
    """
    variables = environment()
    os.environ.update(variables)
    return bool(variables)


def profile_variable(current: Mapping[str, str]) -> str:
    """Return the variable that the Fast DDS of the environment ``current`` reads.

    Without ROS_DISTRO, ROS comes as wheels, which are Kilted's.
    """
    fast_dds_2 = current.get('ROS_DISTRO') in FAST_DDS_2_DISTRIBUTIONS
    return PROFILE_VARIABLES[1 if fast_dds_2 else 0]


def profile_path() -> Path:
    """Return where the profile lies: in a checkout beside the code, else in an installed share.

    Raises:
        ConfigError: It is in none of these places.
    """
    candidates = [folder / 'config' / PROFILE for folder in _folders()]
    for path in candidates:
        if path.is_file():
            return path
    places = ', '.join(str(path) for path in candidates)
    msg = f'Transport profile {PROFILE!r} is not installed: looked for {places}.'
    raise ConfigError(msg)


def _folders() -> Iterator[Path]:
    # The checkout first: its code and its profile belong together, whatever is installed besides.
    yield Path(__file__).resolve().parents[2]
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    for prefix in (*filter(None, prefixes), sys.prefix):
        yield Path(prefix) / 'share' / 'robustseg_ros'
