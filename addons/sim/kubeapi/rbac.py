"""Who may do what: rules given with a user, and Roles and bindings in the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from addons.sim.kubeapi.calls import Call, User
from addons.sim.kubeapi.resources import Object
from addons.sim.kubeapi.status import StatusError, forbidden
from addons.sim.kubeapi.store import Store

PolicyRule = Mapping[str, Any]
"""A rule in the form of a ClusterRole: apiGroups, resources, verbs, resourceNames, nonResourceURLs."""

MASTERS = "system:masters"
_RBAC = "rbac.authorization.k8s.io/v1"
_OPEN_PATHS = ("/version", "/api", "/apis", "/openapi", "/healthz", "/livez", "/readyz")
_OPEN_RESOURCES = ("selfsubjectaccessreviews", "selfsubjectreviews")


class Authorizer:
    """Decides whether a user may make a call."""

    def __init__(self, store: Store, *, enabled: bool) -> None:
        self._store = store
        self._enabled = enabled
        self.rules: dict[str, list[PolicyRule]] = {}

    def allows(self, user: User, call: Call) -> bool:
        """Whether a rule of this user, or a role bound to him, permits the call."""
        if MASTERS in user.groups or not (self._enabled or user.name in self.rules):
            return True
        if call.resource is None:
            path = call.path.rstrip("/")
            if any(path == open_path or path.startswith(open_path + "/") for open_path in _OPEN_PATHS):
                return True
        elif call.resource.plural in _OPEN_RESOURCES:
            return True
        return any(_permits(rule, call) for rule in self._rules_of(user, call.namespace))

    def check(self, user: User, call: Call) -> None:
        """Raise 403 in the server's words unless the call is permitted."""
        if not self.allows(user, call):
            raise denial(user, call)

    def _rules_of(self, user: User, namespace: str) -> Iterator[PolicyRule]:
        yield from self.rules.get(user.name, ())
        if not self._enabled:
            return
        for binding in self._store.list(_RBAC, "clusterrolebindings"):
            if _binds(binding, user):
                yield from self._role_rules(binding["roleRef"], "")
        for binding in self._store.list(_RBAC, "rolebindings", namespace) if namespace else ():
            if _binds(binding, user):
                yield from self._role_rules(binding["roleRef"], namespace)

    def _role_rules(self, reference: Object, namespace: str) -> Iterable[PolicyRule]:
        plural = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
        space = "" if plural == "clusterroles" else namespace
        try:
            role = self._store.get(_RBAC, plural, space, reference["name"])
        except StatusError:
            return ()
        rules: list[PolicyRule] = role.get("rules") or []
        return rules


def denial(user: User, call: Call) -> StatusError:
    """The refusal of a call."""
    if call.resource is None:
        return forbidden(f'forbidden: User "{user.name}" cannot {call.verb} path "{call.path}"')
    resource = call.resource
    kind = f"{resource.plural}/{call.subresource}" if call.subresource else resource.plural
    where = f'in the namespace "{call.namespace}"' if call.namespace else "at the cluster scope"
    named = f'{resource.qualified} "{call.name}"' if call.name else resource.qualified
    message = (
        f'{named} is forbidden: User "{user.name}" cannot {call.verb} resource "{kind}" '
        f'in API group "{resource.group}" {where}'
    )
    details: Object = {"name": call.name} if call.name else {}
    if resource.group:
        details["group"] = resource.group
    return forbidden(message, details | {"kind": resource.plural})


def _permits(rule: PolicyRule, call: Call) -> bool:
    verbs = rule.get("verbs") or ()
    if call.verb not in verbs and "*" not in verbs:
        return False
    if call.resource is None:
        return any(_matches_path(pattern, call.path) for pattern in rule.get("nonResourceURLs") or ())
    groups, names = rule.get("apiGroups") or (), rule.get("resourceNames") or ()
    if call.resource.group not in groups and "*" not in groups:
        return False
    if names and (call.name or _only_name(call)) not in names:
        return False
    return _matches_resource(rule.get("resources") or (), call.resource.plural, call.subresource)


def _only_name(call: Call) -> str:
    """The name of the one object that a list or watch asks for; Kubernetes takes that for the call's name."""
    field, equals, name = call.query.get("fieldSelector", "").partition("=")
    return name.removeprefix("=") if equals and field == "metadata.name" and "," not in name else ""


def _matches_resource(resources: Iterable[str], plural: str, subresource: str) -> bool:
    wanted = f"{plural}/{subresource}" if subresource else plural
    return any(name in ("*", wanted) or (subresource and name == f"*/{subresource}") for name in resources)


def _matches_path(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _binds(binding: Object, user: User) -> bool:
    for subject in binding.get("subjects") or ():
        match subject["kind"]:
            case "User" if subject["name"] == user.name:
                return True
            case "Group" if subject["name"] in user.groups:
                return True
            case "ServiceAccount":
                space = subject.get("namespace") or binding["metadata"].get("namespace", "")
                if user.name == f"system:serviceaccount:{space}:{subject['name']}":
                    return True
    return False
