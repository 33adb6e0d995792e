"""Checks of settings: each room has its own, and all of them use the same wording."""

from segxal.core.errors import ConfigError


def require(condition: bool, message: str) -> None:
    """Raise :class:`ConfigError` with ``message`` unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    """Raise :class:`ConfigError` unless ``value`` lies in [low, high]."""
    require(low <= value <= high, f"{name} = {value} is not in [{low}, {high}]; give a share, for example 0.1")


def require_count(name: str, value: int, low: int = 1) -> None:
    """Raise :class:`ConfigError` unless ``value`` is at least ``low``."""
    require(value >= low, f"{name} = {value}; it must be at least {low}")
