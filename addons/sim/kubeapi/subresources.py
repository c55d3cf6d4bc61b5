"""Subresources with a behaviour of their own, and the reviews that are asked by creating them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from addons.sim.kubeapi.bodies import check_object
from addons.sim.kubeapi.budgets import charge_budget
from addons.sim.kubeapi.calls import Call, User
from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.deletion import Deletion, check_preconditions
from addons.sim.kubeapi.patch import json_patch, merge_patch
from addons.sim.kubeapi.rbac import Authorizer
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import Cause, bad_request, conflict, invalid, method_not_allowed
from addons.sim.kubeapi.store import TRUSTED, Store, Write
from addons.sim.kubeapi.tables import Entry, encode
from addons.sim.kubeapi.writes import Body, write_of

Reply = tuple[int, Object]
_BINDINGS = Resource("", "v1", "pods/binding", "Binding")
_TOKENS = Resource("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest")
_AUDIENCE = "https://kubernetes.default.svc"
_SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


@dataclass(frozen=True, slots=True)
class Identities:
    """Who asks, whom the server knows by token, and who may do what."""

    user: User
    tokens: dict[str, User]
    authorizer: Authorizer


Handler = Callable[[Call, Store, Body, Identities], Reply]


def handles(call: Call) -> bool:
    """Whether a call belongs here."""
    return _handler(call) is not None


def serve(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    """HTTP status and object that answer the call."""
    handler = _handler(call)
    assert handler is not None
    return handler(call, store, body, identities)


def _handler(call: Call) -> Handler | None:
    if call.subresource:
        return _SUBRESOURCES.get(call.subresource)
    return _REVIEWS.get(call.target.plural)


def _bind(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    binding = check_object(call, body.parse("Binding"), "Binding")
    node = (binding.get("target") or {}).get("name")
    if not node:
        raise invalid(call.target, call.name, [Cause("FieldValueRequired", "target.name", "Required value")])

    def change(pod: Object) -> Object:
        if taken := pod["spec"].get("nodeName"):
            raise conflict(_BINDINGS, call.name, f'pod {call.name} is already assigned to node "{taken}"')
        pod["spec"]["nodeName"] = node
        conditions = [c for c in pod["status"].get("conditions", ()) if c["type"] != "PodScheduled"]
        now = rfc3339(store.now())
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        conditions.append(scheduled | {"lastTransitionTime": now})
        pod["status"]["conditions"] = conditions
        return pod

    store.change(call.target, call.namespace, call.name, change, Write(trusted=True, dry_run=call.dry_run))
    return 201, _SUCCESS


def _evict(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    eviction = check_object(call, body.parse("Eviction"), "Eviction")
    options = eviction.get("deleteOptions") or {}
    pod = store.find(call.target, call.namespace, call.name).load()
    dry_run = call.dry_run or "All" in (options.get("dryRun") or ())
    if not pod["metadata"].get("deletionTimestamp"):
        charge_budget(store, pod, dry_run=dry_run)
    preconditions = options.get("preconditions") or {}
    deletion = Deletion(
        grace_seconds=options.get("gracePeriodSeconds"),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        dry_run=dry_run,
    )
    if not dry_run and not pod["metadata"].get("deletionTimestamp"):
        check_preconditions(call.target, store.find(call.target, call.namespace, call.name), deletion)
        _note_disruption(call, store)
        deletion = replace(deletion, resource_version="")
    store.remove(call.target, call.namespace, call.name, deletion)
    return 201, _SUCCESS


def _note_disruption(call: Call, store: Store) -> None:
    """Say in the status of a pod why it is about to be deleted."""

    def change(pod: Object) -> Object:
        conditions = [c for c in pod["status"].get("conditions", ()) if c["type"] != "DisruptionTarget"]
        why = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
        condition = {"type": "DisruptionTarget", "status": "True", **why}
        conditions.append(condition | {"lastTransitionTime": rfc3339(store.now())})
        pod["status"]["conditions"] = conditions
        return pod

    store.change(call.target, call.namespace, call.name, change, TRUSTED)


def _scale(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    resource = call.target
    if call.verb == "get":
        return 200, _scale_of(store.find(resource, call.namespace, call.name).load())
    if call.verb not in ("update", "patch"):
        raise method_not_allowed()

    def change(obj: Object) -> Object:
        scale = _scale_of(obj)
        if call.verb == "update":
            scale = check_object(call, body.parse("Scale"), "Scale")
        else:
            content = body.parse_patch()
            scale = json_patch(scale, content) if isinstance(content, list) else merge_patch(scale, content)
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        if replicas < 0:
            why = f"Invalid value: {replicas}: must be greater than or equal to 0"
            raise invalid(resource, call.name, [Cause("FieldValueInvalid", "spec.replicas", why)])
        if version := scale["metadata"].get("resourceVersion"):
            obj["metadata"]["resourceVersion"] = version
        obj["spec"]["replicas"] = replicas
        return obj

    entry = store.change(resource, call.namespace, call.name, change, write_of(call, body), call.subresource)
    return 200, _scale_of(entry.load())


def _scale_of(obj: Object) -> Object:
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = obj["spec"].get("selector") or {}
    labels = selector.get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: obj["metadata"][name] for name in names},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def _issue_token(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    request = check_object(call, body.parse("TokenRequest"), "TokenRequest")
    account = store.find(call.target, call.namespace, call.name)
    spec = request.setdefault("spec", {})
    if not spec.get("audiences"):
        spec["audiences"] = [_AUDIENCE]
    seconds = spec.setdefault("expirationSeconds", 3600)
    if seconds < 600:
        why = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        raise invalid(_TOKENS, "", [Cause("FieldValueInvalid", "spec.expirationSeconds", why)])
    token = _web_token(account, spec, store.now())
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated")
    if not call.dry_run and _AUDIENCE in spec["audiences"]:
        name = f"system:serviceaccount:{account.namespace}:{account.name}"
        identities.tokens[token] = User(name, groups)
    until = rfc3339(store.now() + timedelta(seconds=seconds))
    review = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", **request}
    return 201, review | {"status": {"token": token, "expirationTimestamp": until}}


def _web_token(account: Entry, spec: Object, now: datetime) -> str:
    """A JSON web token with the claims of a real one; nobody can verify its signature."""
    issued = int(now.timestamp())
    owner = {"name": account.name, "uid": account.uid}
    claims = {
        "iss": _AUDIENCE,
        "sub": f"system:serviceaccount:{account.namespace}:{account.name}",
        "aud": spec["audiences"],
        "iat": issued,
        "nbf": issued,
        "exp": issued + spec["expirationSeconds"],
        "kubernetes.io": {"namespace": account.namespace, "serviceaccount": owner},
    }
    parts = [encode({"alg": "RS256", "kid": "emulator"}), encode(claims), secrets.token_bytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _finalize(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    wanted = check_object(call, body.parse("Namespace"))

    def change(namespace: Object) -> Object:
        namespace["spec"] = wanted.get("spec") or {}
        return namespace

    return 200, store.change(call.target, "", call.name, change, TRUSTED).load()


def _review_token(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    review = check_object(call, body.parse("TokenReview"))
    token = (review.get("spec") or {}).get("token")
    if not token:
        raise bad_request("token is required for TokenReview in authentication")
    user = identities.tokens.get(token)
    if user is None:
        return _reviewed(call, review, {"user": {}, "error": "invalid bearer token"})
    return _reviewed(call, review, {"authenticated": True, "user": _user_info(user)})


def _review_access(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    review = check_object(call, body.parse(call.target.kind))
    spec = review.get("spec") or {}
    user = identities.user
    if call.target.plural == "subjectaccessreviews":
        user = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
    allowed = identities.authorizer.allows(user, _asked(store, spec))
    return _reviewed(call, review, {"allowed": allowed})


def _asked(store: Store, spec: Object) -> Call:
    """The call that an access review asks about."""
    if path := spec.get("nonResourceAttributes"):
        return Call(path.get("verb", ""), path.get("path", ""))
    wanted = spec.get("resourceAttributes")
    if not wanted:
        raise bad_request("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    group, plural = wanted.get("group", ""), wanted.get("resource", "")
    resource = next((r for r in store.resources if (r.group, r.plural) == (group, plural)), None)
    place = (wanted.get("namespace", ""), wanted.get("name", ""), wanted.get("subresource", ""))
    return Call(wanted.get("verb", ""), "", resource, *place)


def _review_self(call: Call, store: Store, body: Body, identities: Identities) -> Reply:
    review = check_object(call, body.parse("SelfSubjectReview"))
    return _reviewed(call, review, {"userInfo": _user_info(identities.user)})


def _user_info(user: User) -> Object:
    return {"username": user.name, "groups": list(user.groups)}


def _reviewed(call: Call, review: Object, status: Object) -> Reply:
    return 201, {"kind": call.target.kind, "apiVersion": call.target.api_version, **review, "status": status}


_SUBRESOURCES: dict[str, Handler] = {
    "binding": _bind,
    "eviction": _evict,
    "scale": _scale,
    "token": _issue_token,
    "finalize": _finalize,
}
_REVIEWS: dict[str, Handler] = {
    "tokenreviews": _review_token,
    "subjectaccessreviews": _review_access,
    "selfsubjectaccessreviews": _review_access,
    "selfsubjectreviews": _review_self,
}
