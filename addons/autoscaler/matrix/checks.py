"""What is wrong with settings by themselves, wherever they stand in the file."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import UNSET

from addons.autoscaler.matrix import kubelet
from addons.autoscaler.matrix.file import Device, MatrixFile
from addons.autoscaler.matrix.layers import KEYS, Layer
from addons.autoscaler.matrix.places import Fault, Path, Places
from addons.autoscaler.matrix.user_data import template_faults
from addons.autoscaler.model.pods import Taint
from addons.runtime.setting_values import parse_duration

_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|[KMGTPE]i?)?")
_KERNEL = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_*./-]*")
_OURS: Final = ("aws:", "aws-addons.io/", "k8s.io/cluster-autoscaler/", "kubernetes.io/cluster/")
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_TAG = re.compile(r"[\w\s.:/=+@-]*")
_HEARTBEAT: Final = (30, 7200)
_RATED: Final = ("gp3", "io1", "io2")

Check = Callable[[Any], Iterator[tuple[Path, str]]]


def layers_of(file: MatrixFile) -> Iterator[Layer]:
    """All settings of a file, wherever they stand."""
    yield Layer(("defaults",), file.defaults)
    for name, key in (
        ("instance_types", "instanceTypes"),
        ("capacity", "capacity"),
        ("services", "services"),
    ):
        values = getattr(file.dimensions, name)
        if isinstance(values, Mapping):
            yield from (Layer(("dimensions", key, each), values[each]) for each in values if values[each])
    for number, override in enumerate(file.cells):
        yield Layer(("cells", number, "set"), override.settings)


def faults_of(layer: Layer, places: Places) -> Iterator[Fault]:
    """What is wrong with the settings of a layer."""
    for name, check in _CHECKS.items():
        value = getattr(layer.settings, name)
        if value is UNSET:
            continue
        for below, message in check(value):
            yield places.fault((*layer.path, KEYS[name], *below), message)
    if isinstance(layer.settings.user_data, str):
        for line, message in template_faults(layer.settings.user_data):
            yield places.fault((*layer.path, KEYS["user_data"]), message, line=line)


def _labels(labels: Mapping[str, str | None]) -> Iterator[tuple[Path, str]]:
    for key, value in labels.items():
        if fault := kubelet.label_fault(key, value or ""):
            yield (key,), fault


def _taints(taints: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for number, text in enumerate(taints):
        taint = kubelet.taint_of(text)
        if not isinstance(taint, Taint):
            yield (number,), taint
        elif taint.key in seen:
            yield (number,), f"{taint.key} is there twice, and the tags of a group can tell of it once only"
        else:
            seen.add(taint.key)


def _kernel(kernel: Mapping[str, str | int | None]) -> Iterator[tuple[Path, str]]:
    for key, value in kernel.items():
        if not _KERNEL.fullmatch(key):
            yield (key,), f"{key!r} is no setting of the kernel: write a name such as vm.max_map_count"
        elif value is not None and (not str(value).strip() or "\n" in str(value)):
            yield (key,), "the value must be one line: write a number, or a text such as '4096 87380'"


def _resources(resources: Mapping[str, str | int | None]) -> Iterator[tuple[Path, str]]:
    for key, value in resources.items():
        if fault := kubelet.key_fault(key):
            yield (key,), fault
        elif value is not None and not _AMOUNT.fullmatch(str(value)):
            yield (key,), f"{value!r} is no amount: write a number, or one with a unit such as 50Gi"


def _tags(tags: Mapping[str, str | None]) -> Iterator[tuple[Path, str]]:
    for key, value in tags.items():
        if key.startswith(_OURS):
            yield (key,), f"tags that begin with {', '.join(_OURS)} follow from other keys: leave it out"
        elif not 0 < len(key) <= _LONGEST_KEY or not _TAG.fullmatch(key):
            yield (key,), f"a key has 1 to {_LONGEST_KEY} letters, digits, spaces, and . : / = + - _ @"
        elif value and (len(value) > _LONGEST_VALUE or not _TAG.fullmatch(value)):
            yield (key,), f"a value has at most {_LONGEST_VALUE} letters, digits, spaces, and . : / = + - _ @"


def _devices(devices: tuple[Device, ...]) -> Iterator[tuple[Path, str]]:
    for number, each in enumerate(devices):
        if each.device in (other.device for other in devices[:number]):
            yield (number, "device"), f"{each.device} is there twice"
        if each.iops is not UNSET and each.type not in _RATED:
            yield (number, "iops"), f"a volume of {each.type} has no such setting: {', '.join(_RATED)} have"
        if each.iops is UNSET and each.type in ("io1", "io2"):
            yield (number,), f"iops is missing: a volume of {each.type} needs it"
        if each.throughput is not UNSET and each.type != "gp3":
            yield (number, "throughput"), f"a volume of {each.type} has no such setting: gp3 has"


def _heartbeat(text: str) -> Iterator[tuple[Path, str]]:
    least, most = _HEARTBEAT
    if not least <= parse_duration(text).total_seconds() <= most:
        yield (), f"{text} is not allowed: write a duration from 30s to 2h"


def _unique(values: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    for number, value in enumerate(values):
        if value in values[:number]:
            yield (number,), f"{value} is there twice"


_CHECKS: Final[Mapping[str, Check]] = {
    "labels": _labels,
    "taints": _taints,
    "kernel": _kernel,
    "resources": _resources,
    "tags": _tags,
    "block_devices": _devices,
    "heartbeat_timeout": _heartbeat,
    "security_groups": _unique,
}
