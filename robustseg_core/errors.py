"""The errors raised on purpose; anything else that escapes is a bug."""


class RobustSegError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(RobustSegError):
    """A configuration value or parameter is unknown, missing or out of range."""


class DataError(RobustSegError):
    """A data set, file or folder is missing, incomplete or not what it should be."""


class CheckpointError(RobustSegError):
    """A checkpoint cannot be read, made, or placed in the model."""


class WriteError(RobustSegError):
    """A file cannot be written, or what is in its place may not be replaced."""


class TrainingError(RobustSegError):
    """Training cannot go on, since a number is none any more."""


class SensorError(RobustSegError):
    """A measurement cannot be turned into the network's image."""
