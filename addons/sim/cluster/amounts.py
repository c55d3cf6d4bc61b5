"""Amounts of resources as whole numbers: processors in thousandths, all else in its unit."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Object = dict[str, Any]
_FACTORS = {
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
}


def amount(resource: str, text: str | int) -> int:
    """The amount that a quantity means, rounded up as the scheduler does."""
    written = str(text)
    suffix = next((each for each in _FACTORS if written.endswith(each)), "")
    value = Decimal(written.removesuffix(suffix)) * _FACTORS.get(suffix, Decimal(1))
    return math.ceil(value * 1000 if resource == "cpu" else value)


def amounts(quantities: Mapping[str, str | int] | None) -> dict[str, int]:
    """The amounts of a map of quantities."""
    return {name: amount(name, text) for name, text in (quantities or {}).items()}


def requests(pod: Object) -> dict[str, int]:
    """What a pod requests of its node, itself included.

    Containers and sidecars add up; an init container counts where it alone needs more, with the sidecars that
    were started before it. The overhead of the runtime class comes on top.
    """
    spec = pod["spec"]
    total: Counter[str] = Counter(pods=1)
    for container in spec.get("containers", ()):
        total.update(_of(container))
    total.update(_sidecars(spec.get("initContainers", ()), total))
    total.update(amounts(spec.get("overhead")))
    return dict(total)


def _sidecars(containers: Iterable[Object], running: Mapping[str, int]) -> Counter[str]:
    """What init containers need beyond what the running containers request."""
    kept: Counter[str] = Counter()
    peaks: Counter[str] = Counter()
    for container in containers:
        own = _of(container)
        if container.get("restartPolicy") == "Always":
            kept.update(own)
            own = dict(kept)
        else:
            own = {name: own.get(name, 0) + kept[name] for name in {*own, *kept}}
        peaks |= Counter(own)
    wanted: Counter[str] = Counter()
    for name in {*peaks, *kept}:
        wanted[name] = max(kept[name], peaks[name] - running.get(name, 0))
    return wanted


def _of(container: Object) -> dict[str, int]:
    """What a container requests; a limit without a request is one."""
    resources = container.get("resources") or {}
    return amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})
