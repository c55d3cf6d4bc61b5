"""The options of groups by their tags, and limits and priorities as the settings write them."""

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.patterns import fault_of
from addons.autoscaler.model.snapshot import Totals
from addons.runtime.setting_values import BadValue, parse_duration

_GIB = 1 << 30
_SHOWN = 100
"""Characters that are shown of a pattern with a fault."""


def options_of(tags: Mapping[str, str], config: Config) -> tuple[GroupOptions, tuple[str, ...]]:
    """The options of a group, and which of its tags cannot be read, with what to write.

    A tag that cannot be read leaves its option as the settings have it.
    """
    values = _defaults(config)
    problems = []
    for tag in sorted(tags):
        if not tag.startswith(names.TEMPLATE_OPTIONS):
            continue
        found = _OPTIONS.get(tag.removeprefix(names.TEMPLATE_OPTIONS).lower())
        if found is None:
            problems.append(f"tag {tag} is unknown: there are {', '.join(sorted(_OPTIONS))}")
            continue
        field, read, wanted = found
        try:
            values[field] = read(tags[tag].strip())
        except ValueError:
            problems.append(f"tag {tag}={tags[tag]}: not {wanted}; the setting for all groups counts")
    return GroupOptions(**values), tuple(problems)


def check_periods(config: Config) -> None:
    """Raise ValueError that names the setting where a period is no time at all."""
    for setting in ("scan_interval", "refresh_interval", "max_node_provision_time"):
        if not getattr(config, setting):
            raise ValueError(f"--{setting.replace('_', '-')}: 0s is not allowed: a duration above 0")


def totals_of(config: Config) -> Totals:
    """The limits of the cluster. Raises ValueError that names the setting."""
    cores = _range("--cores-total", config.cores_total)
    memory = _range("--memory-total", config.memory_total)
    return Totals(config.max_nodes_total, *cores, memory[0] * _GIB, memory[1] * _GIB)


def priorities_of(
    data: Mapping[str, str], key: str = "priorities"
) -> tuple[dict[int, tuple[str, ...]], tuple[str, ...]]:
    """The patterns of the priority expander by priority, as its ConfigMap has them, and what is wrong there.

    A pattern that is none costs itself only.
    """
    where = f"{names.PRIORITY_CONFIG_MAP}, key {key}"
    try:
        written = yaml.safe_load(data.get(key, ""))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of dates that are none, of deep nests
        return {}, (f"{where}: not YAML: {' '.join(str(error).split())}",)
    if not isinstance(written, dict):
        return {}, (f"{where}: not a mapping of priorities to lists of patterns, such as 10: [.*spot.*]",)
    found: dict[int, tuple[str, ...]] = {}
    problems: list[str] = []
    for priority, patterns in written.items():
        if not isinstance(priority, int) or isinstance(priority, bool) or not isinstance(patterns, list):
            problems.append(f"{where}: {priority}: not a whole number with a list of patterns")
            continue
        found[priority] = tuple(_patterns(patterns, f"{where}: {priority}", problems))
    return dict(sorted(found.items(), reverse=True)), tuple(problems)


def _patterns(written: list[object], where: str, problems: list[str]) -> list[str]:
    """The patterns of a list that are patterns; the others become problems."""
    found: list[str] = []
    for each in written:
        fault = fault_of(each) if isinstance(each, str) else "it is no text"
        if isinstance(each, str) and not fault:
            found.append(each)
            continue
        shown = repr(each) if len(repr(each)) <= _SHOWN else f"{repr(each)[:_SHOWN]}..."
        problems.append(f"{where}: {shown} is not a regular expression: {fault}")
    return found


def _range(setting: str, text: str) -> tuple[int, int]:
    least, _, most = text.partition(":")
    if not (least.isdecimal() and most.isdecimal()):
        raise ValueError(f"{setting}={text}: not MIN:MAX, such as 0:320000")
    if int(least) > int(most):
        raise ValueError(f"{setting}={text}: the minimum {least} is above the maximum {most}")
    return int(least), int(most)


def _defaults(config: Config) -> dict[str, Any]:
    return {
        "utilization_threshold": config.scale_down_utilization_threshold,
        "gpu_utilization_threshold": config.scale_down_gpu_utilization_threshold,
        "unneeded_seconds": config.scale_down_unneeded_time.total_seconds(),
        "unready_seconds": config.scale_down_unready_time.total_seconds(),
        "ignores_daemonsets": config.ignore_daemonsets_utilization,
        "provision_seconds": config.max_node_provision_time.total_seconds(),
        "max_step": config.max_step,
    }


def _share(text: str) -> float:
    return _between(float(text), 1.0)


def _price(text: str) -> float:
    return _between(float(text), 1e6)


def _between(number: float, most: float) -> float:
    if not 0 <= number <= most:
        raise ValueError(number)
    return number


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except BadValue as error:
        raise ValueError(text) from error


def _some_seconds(text: str) -> float:
    if not (seconds := _seconds(text)):
        raise ValueError(text)
    return seconds


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(text)
    return int(text)


_SHARE = "a share from 0 to 1, such as 0.5"
_TIME = "a duration, such as 90s or 1h30m"
_OPTIONS: dict[str, tuple[str, Callable[[str], object], str]] = {
    names.OPTION_UTILIZATION: ("utilization_threshold", _share, _SHARE),
    names.OPTION_GPU_UTILIZATION: ("gpu_utilization_threshold", _share, _SHARE),
    names.OPTION_UNNEEDED_TIME: ("unneeded_seconds", _seconds, _TIME),
    names.OPTION_UNREADY_TIME: ("unready_seconds", _seconds, _TIME),
    names.OPTION_IGNORE_DAEMONSETS: ("ignores_daemonsets", _truth, "true or false"),
    names.OPTION_MAX_PROVISION_TIME: ("provision_seconds", _some_seconds, "a duration above 0, such as 15m"),
    names.OPTION_MAX_STEP: ("max_step", _count, "a whole number from 1"),
    names.OPTION_PRIORITY: ("priority", int, "a whole number"),
    names.OPTION_PRICE: ("price", _price, "a price in dollars an hour, such as 0.096"),
}
