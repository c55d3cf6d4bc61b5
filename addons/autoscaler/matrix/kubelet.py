"""What the kubelet of a cell is told: its labels and its taints, and the kernel's settings beside it."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from addons.autoscaler import names
from addons.autoscaler.model.pods import Labels, Taint

EFFECTS: Final = ("NoSchedule", "NoExecute", "PreferNoSchedule")

_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SET_BY_ITSELF: Final = frozenset(
    {
        names.HOSTNAME,
        names.ZONE,
        names.REGION,
        names.OLD_ZONE,
        names.OLD_REGION,
        names.INSTANCE_TYPE,
        names.OLD_INSTANCE_TYPE,
        names.ARCH,
        names.OS,
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/os",
    }
)
_RESERVED: Final = ("kubernetes.io", "k8s.io")
_PERMITTED: Final = ("node.kubernetes.io", "kubelet.kubernetes.io")
"""A kubelet refuses to start with labels of a reserved domain, but for those of these."""


def label_fault(key: str, value: str) -> str:
    """What is wrong with a label that a kubelet is to give its node; "" where nothing is."""
    if fault := key_fault(key):
        return fault
    if value and not _PART.fullmatch(value):
        return f"{value!r} is no value of a label: at most 63 letters, digits, - _ and ., no sign at an end"
    if key in _SET_BY_ITSELF:
        return "every node gets this label by itself: leave it out"
    domain = key.rpartition("/")[0]
    if _is_of(domain, _RESERVED) and not _is_of(domain, _PERMITTED):
        return (
            f"a kubelet does not start with a label of {domain}: of kubernetes.io and k8s.io only those of"
            f" {' and '.join(_PERMITTED)} are permitted"
        )
    return ""


def key_fault(key: str) -> str:
    """What is wrong with the key of a label or a taint; "" where nothing is."""
    prefix, slash, name = key.rpartition("/")
    if not _PART.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        return f"{key!r} is no key: write NAME or DOMAIN/NAME, such as team or example.com/team"
    return ""


def _is_of(domain: str, domains: Iterable[str]) -> bool:
    return any(domain == each or domain.endswith("." + each) for each in domains)


def taint_of(text: str) -> Taint | str:
    """Read `KEY=VALUE:EFFECT` or `KEY:EFFECT`; what is wrong with it, in words."""
    rest, colon, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    if not colon:
        return f"{text!r} has no effect: write KEY=VALUE:EFFECT, such as {text or 'dedicated=web'}:NoSchedule"
    if effect not in EFFECTS:
        return f"{text!r} has the effect {effect!r}, which is none of {', '.join(EFFECTS)}"
    if fault := key_fault(key):
        return fault
    if value and not _PART.fullmatch(value):
        return f"{value!r} is no value of a taint: at most 63 letters, digits, - _ and ., no sign at an end"
    return Taint(key, value, effect)


def node_labels(labels: Labels) -> str:
    """The value of `--node-labels`."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels))


def node_taints(taints: Iterable[Taint]) -> str:
    """The value of `--register-with-taints`."""
    return ",".join(sorted(f"{each.key}={each.value}:{each.effect}" for each in taints))


def kubelet_flags(labels: Labels, taints: tuple[Taint, ...]) -> list[str]:
    """The arguments that have the kubelet register its node so; none for what there is none of."""
    found = {"--node-labels": node_labels(labels), "--register-with-taints": node_taints(taints)}
    return [f"{flag}={value}" for flag, value in found.items() if value]


def kernel_lines(kernel: Mapping[str, str]) -> str:
    """The settings as lines of a file for /etc/sysctl.d, without a line end behind the last."""
    return "\n".join(f"{key} = {kernel[key]}" for key in sorted(kernel))


def kernel_command(kernel: Mapping[str, str]) -> str:
    """A command of a shell that sets them."""
    if not kernel:
        return "true"
    return " ".join(["sysctl", "-w", *(shlex.quote(f"{key}={kernel[key]}") for key in sorted(kernel))])


def bottlerocket_settings(labels: Labels, taints: tuple[Taint, ...], kernel: Mapping[str, str]) -> str:
    """All of it as tables of TOML, as Bottlerocket reads its user data."""
    by_key: dict[str, list[str]] = {}
    for each in sorted(taints, key=lambda each: (each.key, each.value, each.effect)):
        by_key.setdefault(each.key, []).append(f"{each.value}:{each.effect}")
    tables: dict[str, Mapping[str, object]] = {
        "settings.kubernetes.node-labels": labels,
        "settings.kubernetes.node-taints": by_key,
        "settings.kernel.sysctl": kernel,
    }
    lines = []
    for name, table in tables.items():
        if table:
            lines += [
                f"[{name}]",
                *(f"{json.dumps(key)} = {json.dumps(table[key])}" for key in sorted(table)),
            ]
    return "\n".join(lines)
