"""Refuses malformed objects, with the causes and the words of the API server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import Cause
from addons.sim.kubeapi.tables import encode
from addons.sim.kubeapi.wording import LABEL, LABEL_VALUE, NAME_PART, POD_UPDATE, SUBDOMAIN

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_NAMED = ("services", "namespaces")
_PATH_NAMED = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")

Check = Callable[[Object, "Object | None"], Iterator[Cause]]


def check(resource: Resource, obj: Object, old: Object | None) -> list[Cause]:
    """Every fault of a new object, or of a change to `old`."""
    causes = list(_metadata(resource, obj["metadata"]))
    if old is not None:
        causes += _finalizers_added(obj["metadata"], old["metadata"])
    if specific := _CHECKS.get((resource.group, resource.plural)):
        causes += specific(obj, old)
    return causes


def required(field: str, text: str = "") -> Cause:
    """The field must be there."""
    return Cause("FieldValueRequired", field, f"Required value: {text}" if text else "Required value")


def wrong(field: str, value: Any, text: str) -> Cause:
    """The field has a value that cannot be."""
    shown = encode(value).decode()
    return Cause("FieldValueInvalid", field, f"Invalid value: {shown}: {text}")


def unsupported(field: str, value: Any, supported: tuple[str, ...]) -> Cause:
    """The field is not one of its possible values."""
    values = ", ".join(f'"{name}"' for name in supported)
    return Cause("FieldValueNotSupported", field, f'Unsupported value: "{value}": supported values: {values}')


def denied(field: str, text: str) -> Cause:
    """The field must not be set, or not be changed."""
    return Cause("FieldValueForbidden", field, f"Forbidden: {text}")


def _metadata(resource: Resource, metadata: Object) -> Iterator[Cause]:
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif (fault := _name_fault(resource, name)) is not None:
        yield wrong("metadata.name", name, fault)
    for key, value in (metadata.get("labels") or {}).items():
        yield from _key_faults("metadata.labels", key)
        if len(value) > 63:
            yield wrong("metadata.labels", value, "must be no more than 63 bytes")
        if not _VALUE.fullmatch(value):
            yield wrong("metadata.labels", value, LABEL_VALUE)
    for key in metadata.get("annotations") or {}:
        yield from _key_faults("metadata.annotations", key.lower())
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield required(f"metadata.ownerReferences[{index}].{field}", "must not be empty")


def _finalizers_added(metadata: Object, old: Object) -> Iterator[Cause]:
    added = sorted(set(metadata.get("finalizers") or ()) - set(old.get("finalizers") or ()))
    if added and old.get("deletionTimestamp"):
        names = ", ".join(f'"{name}"' for name in added)
        why = "no new finalizers can be added if the object is being deleted, found new finalizers []string"
        yield denied("metadata.finalizers", f"{why}{{{names}}}")


def _name_fault(resource: Resource, name: str) -> str | None:
    if resource.plural in _PATH_NAMED:
        return "may not contain '/' or '%'" if "/" in name or "%" in name else None
    pattern, text, limit = (
        (_LABEL, LABEL, 63) if resource.plural in _LABEL_NAMED else (_SUBDOMAIN, SUBDOMAIN, 253)
    )
    if len(name) > limit:
        return f"must be no more than {limit} bytes"
    return None if pattern.fullmatch(name) else text


def _key_faults(field: str, key: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        yield wrong(field, key, f"prefix part {SUBDOMAIN}")
    if len(name) > 63:
        yield wrong(field, key, "name part must be no more than 63 bytes")
    if not _QUALIFIED.fullmatch(name):
        yield wrong(field, key, NAME_PART)


_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def _service(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj["spec"]
    headless = spec.get("clusterIP") == "None"
    ports = spec.get("ports") or []
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield required("spec.externalName")
    elif not ports and not headless:
        yield required("spec.ports")
    for index, port in enumerate(ports):
        yield from _service_port(f"spec.ports[{index}]", port, named=len(ports) > 1)
    if spec["type"] not in _SERVICE_TYPES:
        yield unsupported("spec.type", spec["type"], _SERVICE_TYPES)
    before = (old or {}).get("spec", {})
    if before.get("clusterIP") and spec.get("clusterIP") and spec["clusterIP"] != before["clusterIP"]:
        yield wrong("spec.clusterIPs[0]", [spec["clusterIP"]], "may not change once set")


def _service_port(field: str, port: Object, *, named: bool) -> Iterator[Cause]:
    if named and not port.get("name"):
        yield required(f"{field}.name")
    yield from _port_number(f"{field}.port", port.get("port", 0))
    if isinstance(port.get("targetPort"), int):
        yield from _port_number(f"{field}.targetPort", port["targetPort"])
    yield from _protocol(f"{field}.protocol", port["protocol"])


def _port_number(field: str, number: Any) -> Iterator[Cause]:
    if not 1 <= number <= 65_535:
        yield wrong(field, number, "must be between 1 and 65535, inclusive")


def _protocol(field: str, protocol: str) -> Iterator[Cause]:
    if protocol not in ("SCTP", "TCP", "UDP"):
        yield unsupported(field, protocol, ("SCTP", "TCP", "UDP"))


def _pod(obj: Object, old: Object | None) -> Iterator[Cause]:
    yield from _pod_spec("spec", obj.get("spec") or {})
    if old is not None and _fixed_part(old) != _fixed_part(obj):
        yield denied(
            "spec",
            POD_UPDATE,
        )
    if old is not None and (more := sorted(_gates(obj) - _gates(old))):
        why = f"only deletion is allowed, but found new scheduling gate '{more[0]}'"
        yield denied("spec.schedulingGates", why)


def _gates(pod: Object) -> set[str]:
    return {gate.get("name", "") for gate in (pod.get("spec") or {}).get("schedulingGates") or ()}


def _fixed_part(pod: Object) -> Object:
    free = (
        "activeDeadlineSeconds",
        "tolerations",
        "containers",
        "initContainers",
        "terminationGracePeriodSeconds",
        "schedulingGates",
    )
    spec = pod.get("spec") or {}
    fixed = {name: value for name, value in spec.items() if name not in free}
    for field in ("containers", "initContainers"):
        fixed[field] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(field) or ()]
    return fixed


def _pod_spec(field: str, spec: Object) -> Iterator[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        yield required(f"{field}.containers")
    for index, container in enumerate(containers):
        here = f"{field}.containers[{index}]"
        name = container.get("name")
        if not name:
            yield required(f"{here}.name")
        elif not _LABEL.fullmatch(name):
            yield wrong(f"{here}.name", name, LABEL)
        elif name in [other.get("name") for other in containers[:index]]:
            yield Cause("FieldValueDuplicate", f"{here}.name", f'Duplicate value: "{name}"')
        if not container.get("image"):
            yield required(f"{here}.image")
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("containerPort"):
                yield required(f"{here}.ports[{number}].containerPort")
            else:
                yield from _port_number(f"{here}.ports[{number}].containerPort", port["containerPort"])


def _workload(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        yield required("spec.selector")
    else:
        wanted = selector.get("matchLabels") or {}
        if any(labels.get(key) != value for key, value in wanted.items()):
            yield wrong(
                "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
            )
        if old is not None and old["spec"]["selector"] != selector:
            yield wrong("spec.selector", selector, "field is immutable")
    yield from _pod_spec("spec.template.spec", template.get("spec") or {})


def _ingress(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield wrong("spec", spec or None, "either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or ()):
        here = f"spec.rules[{index}]"
        host = rule.get("host", "")
        if host and not _SUBDOMAIN.fullmatch(host.removeprefix("*.")):
            yield wrong(f"{here}.host", host, SUBDOMAIN)
        if "http" in rule and not rule["http"].get("paths"):
            yield required(f"{here}.http.paths")
        for number, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _ingress_path(f"{here}.http.paths[{number}]", path)


_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def _ingress_path(field: str, path: Object) -> Iterator[Cause]:
    kind = path.get("pathType")
    if kind is None:
        yield required(f"{field}.pathType", "pathType must be specified")
    elif kind not in _PATH_TYPES:
        yield unsupported(f"{field}.pathType", kind, _PATH_TYPES)
    elif kind != "ImplementationSpecific" and not path.get("path", "").startswith("/"):
        yield wrong(f"{field}.path", path.get("path", ""), "must be an absolute path")
    backend = path.get("backend") or {}
    if not backend.get("service") and not backend.get("resource"):
        yield wrong(f"{field}.backend", "", "resource or service backend is required")


def _endpoint_slice(obj: Object, old: Object | None) -> Iterator[Cause]:
    kind = obj.get("addressType")
    if not kind:
        yield required("addressType")
    elif kind not in ("IPv4", "IPv6", "FQDN"):
        yield unsupported("addressType", kind, ("FQDN", "IPv4", "IPv6"))
    if old is not None and old.get("addressType") != kind:
        yield wrong("addressType", kind, "field is immutable")
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        field = f"endpoints[{index}].addresses"
        if not endpoint.get("addresses"):
            yield required(field, "must contain at least 1 address")
        for number, address in enumerate(endpoint.get("addresses") or ()):
            if kind in ("IPv4", "IPv6") and not _is_address(address, int(kind[-1])):
                yield wrong(
                    f"{field}[{number}]",
                    address,
                    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                )


def _is_address(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version
    except ValueError:
        return False


def _lease(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("leaseDurationSeconds", 1) <= 0:
        yield wrong("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0")
    if spec.get("leaseTransitions", 0) < 0:
        yield wrong("spec.leaseTransitions", spec["leaseTransitions"], "must be greater than or equal to 0")


def _event(obj: Object, old: Object | None) -> Iterator[Cause]:
    """Check what events.k8s.io asks for and the core face of an Event does not, in the stored names."""
    namespace = (obj.get("involvedObject") or {}).get("namespace", "default")
    if namespace != obj["metadata"].get("namespace"):
        yield wrong("involvedObject.namespace", namespace, "does not match event.namespace")
    if not obj.get("eventTime"):
        yield required("eventTime")
    controller = obj.get("reportingComponent", "")
    if not controller:
        yield required("reportingController")
    elif not _QUALIFIED.fullmatch(controller.rpartition("/")[2]):
        yield wrong("reportingController", controller, NAME_PART)
    for field in ("reportingInstance", "action", "reason"):
        if not obj.get(field):
            yield required(field)
        elif len(obj[field]) > 128:
            yield wrong(field, "", "can have at most 128 characters")
    if len(obj.get("message", "")) > 1024:
        yield wrong("message", "", "can have at most 1024 characters")
    if obj.get("type") not in ("Normal", "Warning"):
        yield wrong("type", "", f"has invalid value: {obj.get('type', '')}")


def _budget(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield wrong("spec", spec, "minAvailable and maxUnavailable cannot be both set")


def _ingress_class(obj: Object, old: Object | None) -> Iterator[Cause]:
    controller = (obj.get("spec") or {}).get("controller", "")
    if not controller:
        yield required("spec.controller")
    if old is not None and old["spec"].get("controller") != controller:
        yield wrong("spec.controller", controller, "field is immutable")


def _binding(obj: Object, old: Object | None) -> Iterator[Cause]:
    if old is not None and old.get("roleRef") != obj.get("roleRef"):
        yield wrong("roleRef", obj.get("roleRef"), "cannot change roleRef")


def _definition(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    plural, group = (spec.get("names") or {}).get("plural", ""), spec.get("group", "")
    if not group:
        yield required("spec.group")
    if not spec.get("versions"):
        yield required("spec.versions")
    name = obj["metadata"].get("name", "")
    if name != f"{plural}.{group}":
        yield wrong("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


_CHECKS: dict[tuple[str, str], Check] = {
    ("", "services"): _service,
    ("", "pods"): _pod,
    ("apps", "deployments"): _workload,
    ("apps", "statefulsets"): _workload,
    ("apps", "replicasets"): _workload,
    ("apps", "daemonsets"): _workload,
    ("networking.k8s.io", "ingresses"): _ingress,
    ("networking.k8s.io", "ingressclasses"): _ingress_class,
    ("discovery.k8s.io", "endpointslices"): _endpoint_slice,
    ("coordination.k8s.io", "leases"): _lease,
    ("events.k8s.io", "events"): _event,
    ("policy", "poddisruptionbudgets"): _budget,
    ("rbac.authorization.k8s.io", "rolebindings"): _binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _binding,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}
