"""Checks of settings: each room has its own, and all of them use the same wording."""

from segxal.core.errors import ConfigError

MOST = 1_000_000  # no count of a study is larger; a slip of the finger is


def require(condition: bool, message: str) -> None:
    """Raise :class:`ConfigError` with ``message`` unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    """Raise :class:`ConfigError` unless ``value`` lies in [low, high]."""
    require(low <= value <= high, f"{name} = {value} is not in [{low}, {high}]; give a share, for example 0.1")


def require_count(name: str, value: int, low: int = 1, high: int = MOST) -> None:
    """Raise :class:`ConfigError` unless ``value`` lies in ``low``..``high``."""
    require(value >= low, f"{name} = {value}; it must be at least {low}")
    require_most(name, value, high)


def require_most(name: str, value: float, high: float) -> None:
    """Raise :class:`ConfigError` if ``value`` is larger than ``high``, or not a number."""
    require(value <= high, f"{name} = {value}; it must be at most {high}")
