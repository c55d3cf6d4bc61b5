"""The autoscaler's options of a cell, as the tags of its group tell them."""

from collections.abc import Callable
from typing import Any, Final

from addons.autoscaler import names
from addons.autoscaler.matrix.layers import Merged


def _number(value: float) -> str:
    """Without an exponent, so that everybody reads it."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


_OPTIONS: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "utilization_threshold": (names.OPTION_UTILIZATION, _number),
    "gpu_utilization_threshold": (names.OPTION_GPU_UTILIZATION, _number),
    "unneeded_time": (names.OPTION_UNNEEDED_TIME, str),
    "unready_time": (names.OPTION_UNREADY_TIME, str),
    "ignore_daemonsets": (names.OPTION_IGNORE_DAEMONSETS, lambda value: str(value).lower()),
    "max_node_provision_time": (names.OPTION_MAX_PROVISION_TIME, str),
    "max_step": (names.OPTION_MAX_STEP, str),
    "priority": (names.OPTION_PRIORITY, str),
    "price": (names.OPTION_PRICE, _number),
}
"""Field -> the option, and its text."""


def options_of(settings: Merged) -> dict[str, str]:
    """Option -> text; without those that are not set."""
    return {
        option: told(settings.values[name])
        for name, (option, told) in _OPTIONS.items()
        if name in settings.values
    }
