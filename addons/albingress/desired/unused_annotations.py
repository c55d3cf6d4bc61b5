"""Annotations that do nothing: none of ours, of nothing that is there, or read by nobody. Pure.

They cost nothing as they are, but whoever wrote them expects something of them.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.asked import Invalid, Setting
from addons.albingress.desired.inputs import GroupInputs
from addons.albingress.model.objects import Ingress, Service
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem

NOT_HERE: Final = frozenset(
    {
        "acm-pca-arn",
        "create-acm-cert",
        "customer-owned-ipv4-pool",
        "enable-frontend-nlb",
        "ipam-ipv4-pool-id",
        "minimum-load-balancer-capacity",
        "multi-cluster-target-group",
        "shield-advanced-protection",
        "waf-acl-id",
        "wafv2-acl-name",
        "web-acl-id",
    }
)
"""Annotations of the original that do nothing here."""

_OFF: Final = frozenset({"false", "none"})
"""Values by which they ask for nothing."""

_BY_NAME: Final = {setting.name(): setting for setting in annotations.SETTINGS if not setting.is_family}
_OF_BACKENDS: Final = (annotations.ACTIONS, annotations.CONDITIONS, annotations.TRANSFORMS)


def unused_annotations(inputs: GroupInputs, told: Iterable[Problem]) -> tuple[Problem, ...]:
    """What members and their Services say for nothing, but for faults that are `told` already.

    Of a member in doubt nobody knows what it says for nothing.
    """
    objects: list[Ingress | Service] = [member.ingress for member in inputs.members if not member.doubt]
    known = {(problem.ref, problem.message.partition(": ")[0]) for problem in told}
    return tuple(
        problem
        for obj in [*objects, *inputs.services.values()]
        for problem in (*unknown_annotations(obj), *_unread(obj))
        if (problem.ref, problem.message.partition(": ")[0]) not in known
    )


def unknown_annotations(obj: Ingress | Service) -> tuple[Problem, ...]:
    """A problem for every annotation with our prefix that does nothing here, with what may be meant."""
    written = (
        key.removeprefix(names.PREFIX) for key in obj.metadata.annotations if key.startswith(names.PREFIX)
    )
    return tuple(
        Problem(ref(obj), names.UNKNOWN_ANNOTATION, f"annotation {names.PREFIX}{key} {fate}")
        for key in sorted(written)
        if (fate := _fate(key, obj))
    )


def _fate(key: str, obj: Ingress | Service) -> str:
    """What becomes of an annotation, in words; empty where it counts."""
    setting = _setting(key)
    if setting is None:
        return _fate_of_unknown(key, obj.metadata.annotations[names.PREFIX + key])
    if isinstance(obj, Service):
        return "" if setting.place == "both" else "does nothing: it is read on Ingresses, not on Services"
    backend = key.removeprefix(f"{setting.key}.")
    if setting in _OF_BACKENDS and backend not in (found := _backends(obj)):
        return f"does nothing: no backend of the Ingress is called {backend}{_meant(backend, found)}"
    return ""


def _fate_of_unknown(key: str, value: str) -> str:
    if key in NOT_HERE or key.startswith(("frontend-nlb-", "target-control-port.")):
        return "" if value in _OFF else "is not supported and does nothing"
    known = [setting.key for setting in annotations.SETTINGS]
    return f"does nothing: there is none of that name{_meant(key, known)}"


def _meant(written: str, known: Iterable[str]) -> str:
    near = get_close_matches(written, list(known), 1)
    return f"; is {near[0]} meant?" if near else ""


def _setting(key: str) -> Setting[Any] | None:
    return next((setting for setting in annotations.SETTINGS if _is_of(key, setting)), None)


def _is_of(key: str, setting: Setting[Any]) -> bool:
    if not setting.is_family:
        return key == setting.key
    return len(key) > len(setting.key) + 1 and key.startswith(f"{setting.key}.")


def _backends(ingress: Ingress) -> list[str]:
    backends = [path.backend for rule in ingress.spec.rules for path in rule.http.paths]
    backends += [ingress.spec.default_backend] if ingress.spec.default_backend else []
    return sorted({each.service.name for each in backends if each.service})


def _unread(obj: Ingress | Service) -> Iterator[Problem]:
    """Those that make no sense. Nobody who reads them has told it: then nobody needs them now."""
    for name in sorted(obj.metadata.annotations.keys() & _BY_NAME.keys()):
        setting = _BY_NAME[name]
        found = setting.asked_by(obj)
        if isinstance(found, Invalid) and (setting.place == "both" or isinstance(obj, Ingress)):
            message = f"{found.where}: {found.fault}; nothing reads it now"
            yield Problem(found.ref, names.UNUSED_ANNOTATION, message)
