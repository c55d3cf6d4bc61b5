"""Failures as the API server words them: HTTP code, reason, message and details of a `Status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from addons.sim.kubeapi.resources import Object, Resource


class Cause(NamedTuple):
    """One fault of one field; `reason` is a CauseType such as FieldValueRequired."""

    reason: str
    field: str
    message: str


class StatusError(Exception):
    """Ends a request with a `Status` object instead of a result."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Object | None = None,
        metadata: Object | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata = metadata or {}

    def body(self) -> Object:
        """The `Status` object for the reply, or for the ERROR event of a watch."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
        }
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        return status | {"code": self.code}


def success(resource: Resource, name: str, uid: str) -> Object:
    """What a delete answers when the object is gone and not worth returning."""
    details = _details(resource, name) | {"uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _details(resource: Resource, name: str) -> Object:
    details: Object = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    return details | {"kind": resource.plural}


def not_found(resource: Resource, name: str) -> StatusError:
    """The object does not exist."""
    return StatusError(404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


def no_such_resource() -> StatusError:
    """The path names no resource, or no subresource, that this server has."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> StatusError:
    """The path exists, but not for this HTTP method."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})


def already_exists(resource: Resource, name: str, *, ending: bool = False) -> StatusError:
    """A create met an object of the same name, perhaps one that is being deleted."""
    prefix = "object is being deleted: " if ending else ""
    message = f'{prefix}{resource.qualified} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> StatusError:
    """A write was based on an older version, or its precondition failed."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(resource, name))


def bad_request(message: str) -> StatusError:
    """The request cannot be understood."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """The credentials are missing or unknown."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(message: str, details: Object | None = None) -> StatusError:
    """The user may not do this."""
    return StatusError(403, "Forbidden", message, details or {})


def namespace_terminating(resource: Resource, name: str, namespace: str) -> StatusError:
    """Nothing can be created in a namespace that is being deleted."""
    why = f"namespace {namespace} is being terminated"
    cause = Cause("NamespaceTerminating", "metadata.namespace", why)
    message = (
        f'{resource.qualified} "{name}" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated"
    )
    return forbidden(message, _details(resource, name) | {"causes": as_causes([cause])})


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> StatusError:
    """The object is well-formed and not acceptable; every fault is listed."""
    details = _details(resource, name) | {"kind": resource.kind}
    return _invalid(f'{resource.qualified_kind} "{name}"', details, causes)


def version_required(resource: Resource, name: str) -> StatusError:
    """This resource is never replaced blindly."""
    text = "Invalid value: 0: must be specified for an update"
    cause = Cause("FieldValueInvalid", "metadata.resourceVersion", text)
    return _invalid(f'{resource.qualified} "{name}"', _details(resource, name), [cause])


def invalid_options(kind: str, cause: Cause) -> StatusError:
    """The query parameters contradict each other; `kind` is ListOptions, PatchOptions, ..."""
    return _invalid(f'{kind}.meta.k8s.io ""', {"group": "meta.k8s.io", "kind": kind}, [cause])


def _invalid(subject: str, details: Object, causes: Sequence[Cause]) -> StatusError:
    faults = [f"{cause.field}: {cause.message}" for cause in causes]
    text = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    return StatusError(
        422, "Invalid", f"{subject} is invalid: {text}", details | {"causes": as_causes(causes)}
    )


def as_causes(causes: Iterable[Cause]) -> list[dict[str, Any]]:
    """Causes in the form of `Status.details.causes`."""
    return [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]


def internal_error(why: str) -> StatusError:
    """The server itself cannot do what is asked for."""
    message = f"Internal error occurred: {why}"
    return StatusError(500, "InternalError", message, {"causes": [{"message": why}]})


def expired(message: str, continue_token: str = "") -> StatusError:
    """The resource version or continue token lies before the kept history."""
    return StatusError(
        410, "Expired", message, metadata={"continue": continue_token} if continue_token else None
    )


def too_large_version(wanted: int, current: int) -> StatusError:
    """The client asks for a state that does not exist yet."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {wanted}, current: {current}"
    return StatusError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
