"""Replies as tables: what `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from addons.sim.kubeapi.reads import Page
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.store import Store
from addons.sim.kubeapi.tables import Entry, encode

Cell = Callable[[Object], Any]
Column = tuple[str, Cell]

_NONE = "<none>"


class TableFormat:
    """Shows entries of one resource as rows under the columns of its kind."""

    def __init__(self, store: Store, resource: Resource) -> None:
        self._store = store
        self._resource = resource
        self._columns = [*_COLUMNS.get(resource.key, ()), ("Age", self._age)]

    @classmethod
    def wanted(cls, accept: str, resource: Resource, store: Store) -> Self | None:
        """The format, when the Accept header asks for a table before anything else."""
        first = accept.partition(",")[0]
        return cls(store, resource) if "as=Table" in first.split(";") else None

    def one(self, entry: Entry) -> bytes:
        """A table of one object."""
        return self._table([entry], {"resourceVersion": str(entry.rv)})

    def many(self, page: Page) -> bytes:
        """A table of a page."""
        return self._table(page.entries, page.metadata)

    def _table(self, entries: list[Entry], metadata: Object) -> bytes:
        names = ["Name", *(name for name, _ in self._columns)]
        columns = [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": name,
                "priority": 0,
            }
            for name in names
        ]
        table: Object = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        return encode(table | {"columnDefinitions": columns, "rows": [self._row(entry) for entry in entries]})

    def _row(self, entry: Entry) -> Object:
        obj = self._store.view(self._resource, entry)
        partial = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
        return {"cells": [entry.name, *(cell(obj) for _, cell in self._columns)], "object": partial}

    def _age(self, obj: Object) -> str:
        return self._since(obj["metadata"].get("creationTimestamp"))

    def _since(self, stamp: str | None) -> str:
        if not stamp:
            return "<unknown>"
        born = datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        return human_duration(int((self._store.now() - born).total_seconds()))


def human_duration(seconds: int) -> str:
    """A duration in at most two units, as kubectl prints ages: 42s, 5m3s, 7h, 3d4h."""
    seconds = max(seconds, 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"


def _at(obj: Any, *path: str) -> Any:
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _field(*path: str, default: Any = _NONE) -> Cell:
    def cell(obj: Object) -> Any:
        value = _at(obj, *path)
        return default if value in (None, "") else value

    return cell


def _joined(values: Any) -> str:
    return ",".join(str(value) for value in values) or _NONE


def _containers(obj: Object) -> list[Object]:
    return _at(obj, "status", "containerStatuses") or []


def _pod_ready(obj: Object) -> str:
    total = len(_at(obj, "spec", "containers") or ())
    return f"{sum(bool(status.get('ready')) for status in _containers(obj))}/{total}"


def _pod_status(obj: Object) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    waits = [_at(each, "state", "waiting", "reason") for each in _containers(obj)]
    told = (*waits, _at(obj, "status", "reason"), _at(obj, "status", "phase"))
    return next((str(each) for each in told if each), "Unknown")


def _restarts(obj: Object) -> str:
    return str(sum(status.get("restartCount", 0) for status in _containers(obj)))


def _external_ip(obj: Object) -> str:
    spec = obj["spec"]
    balancers = _at(obj, "status", "loadBalancer", "ingress") or ()
    found = [entry.get("ip") or entry.get("hostname", "") for entry in balancers] + spec.get(
        "externalIPs", []
    )
    if spec["type"] == "ExternalName":
        return str(spec.get("externalName", _NONE))
    if not found and spec["type"] == "LoadBalancer":
        return "<pending>"
    return _joined(found)


def _service_ports(obj: Object) -> str:
    ports = obj["spec"].get("ports") or ()
    return _joined(
        f"{p['port']}:{p['nodePort']}/{p['protocol']}"
        if p.get("nodePort")
        else f"{p['port']}/{p['protocol']}"
        for p in ports
    )


def _hosts(obj: Object) -> str:
    return (
        _joined(rule.get("host") or "*" for rule in obj["spec"].get("rules") or ())
        if obj.get("spec")
        else "*"
    )


def _ingress_address(obj: Object) -> str:
    balancers = _at(obj, "status", "loadBalancer", "ingress") or ()
    return ",".join(entry.get("ip") or entry.get("hostname", "") for entry in balancers)


def _ingress_ports(obj: Object) -> str:
    return "80, 443" if _at(obj, "spec", "tls") else "80"


def _node_status(obj: Object) -> str:
    conditions = {c["type"]: c["status"] for c in _at(obj, "status", "conditions") or ()}
    ready = {"True": "Ready", "False": "NotReady"}.get(conditions.get("Ready", ""), "Unknown")
    return f"{ready},SchedulingDisabled" if _at(obj, "spec", "unschedulable") else ready


def _roles(obj: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    return _joined(
        key.removeprefix(prefix) for key in obj["metadata"].get("labels", {}) if key.startswith(prefix)
    )


def _deployment_ready(obj: Object) -> str:
    return f"{_at(obj, 'status', 'readyReplicas') or 0}/{_at(obj, 'spec', 'replicas') or 0}"


def _event_object(obj: Object) -> str:
    involved = obj.get("involvedObject") or obj.get("regarding") or {}
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def _event_message(obj: Object) -> str:
    return str(obj.get("message") or obj.get("note") or "").strip()


def _slice_endpoints(obj: Object) -> str:
    found = [
        address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()
    ]
    return _joined(found) if found else "<unset>"


_COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    ("", "pods"): (("Ready", _pod_ready), ("Status", _pod_status), ("Restarts", _restarts)),
    ("", "services"): (
        ("Type", _field("spec", "type")),
        ("Cluster-IP", _field("spec", "clusterIP")),
        ("External-IP", _external_ip),
        ("Port(s)", _service_ports),
    ),
    ("", "nodes"): (
        ("Status", _node_status),
        ("Roles", _roles),
        ("Version", _field("status", "nodeInfo", "kubeletVersion", default="")),
    ),
    ("", "namespaces"): (("Status", _field("status", "phase")),),
    ("", "configmaps"): (("Data", lambda obj: len(obj.get("data") or ())),),
    ("", "secrets"): (("Type", _field("type")), ("Data", lambda obj: len(obj.get("data") or ()))),
    ("", "events"): (
        ("Type", _field("type")),
        ("Reason", _field("reason")),
        ("Object", _event_object),
        ("Message", _event_message),
    ),
    ("apps", "deployments"): (
        ("Ready", _deployment_ready),
        ("Up-to-date", _field("status", "updatedReplicas", default=0)),
        ("Available", _field("status", "availableReplicas", default=0)),
    ),
    ("apps", "statefulsets"): (("Ready", _deployment_ready),),
    ("coordination.k8s.io", "leases"): (("Holder", _field("spec", "holderIdentity", default="")),),
    ("discovery.k8s.io", "endpointslices"): (
        ("AddressType", _field("addressType")),
        ("Endpoints", _slice_endpoints),
    ),
    ("networking.k8s.io", "ingresses"): (
        ("Class", _field("spec", "ingressClassName")),
        ("Hosts", _hosts),
        ("Address", _ingress_address),
        ("Ports", _ingress_ports),
    ),
    ("networking.k8s.io", "ingressclasses"): (("Controller", _field("spec", "controller")),),
}
