"""What the API server fills in, resets and keeps apart when it takes an object."""

from __future__ import annotations

import base64

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.services import fill_service

_KEEPS_STATUS_ON_CREATE = ("nodes",)


def reset_status(resource: Resource, obj: Object) -> None:
    """A client that creates an object does not decide its status; a kubelet registering its node does."""
    if "status" in resource.subresources and resource.plural not in _KEEPS_STATUS_ON_CREATE:
        obj.pop("status", None)


def separate(resource: Resource, old: Object, new: Object, subresource: str) -> None:
    """Let a write to /status change the status only, and a write to the object everything but the status."""
    if subresource == "status":
        for field in (old.keys() | new.keys()) - {"status", "metadata"}:
            _restore(old, new, field)
        if resource.custom:
            managed_fields = new["metadata"].get("managedFields")
            new["metadata"] = {**old["metadata"]}
            if managed_fields:
                new["metadata"]["managedFields"] = managed_fields
    elif "status" in resource.subresources:
        _restore(old, new, "status")


def _restore(old: Object, new: Object, field: str) -> None:
    new.pop(field, None)
    if field in old:
        new[field] = old[field]


def count_generation(resource: Resource, old: Object, new: Object) -> None:
    """Raise `metadata.generation` when the wish, that is all but metadata and status, has changed."""
    if not resource.generation or "generation" not in old["metadata"]:
        return
    new["metadata"]["generation"] = old["metadata"]["generation"] + (_wish(old) != _wish(new))


def _wish(obj: Object) -> Object:
    """All that counts as a change; where a pod is put is not part of it."""
    wish = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    if obj["kind"] == "Pod":
        wish["spec"] = {name: value for name, value in obj["spec"].items() if name != "nodeName"}
    return wish


def fill(resource: Resource, obj: Object) -> None:
    """Set the defaults that a client of this kind can notice."""
    if filler := _FILLERS.get(resource.key):
        filler(obj)


def _fill_namespace(obj: Object) -> None:
    name = obj["metadata"].get("name", "")
    obj["metadata"].setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", name)
    if "deletionTimestamp" not in obj["metadata"]:
        obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _fill_pod(obj: Object) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict):
        _fill_pod_spec(spec)
        spec.setdefault("enableServiceLinks", True)
        _fill_tolerations(spec)
        _fill_requests(spec)
        spec.setdefault("priority", 0)
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    status.setdefault("qosClass", _quality_of_service(spec or {}))


def _fill_tolerations(spec: Object) -> None:
    """Pods stay on a failing node for five minutes, as the DefaultTolerationSeconds admission has it."""
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(t.get("key") in (key, None, "") for t in tolerations):
            toleration = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations.append(toleration)


def _fill_requests(spec: Object) -> None:
    """A limit without a request is a request."""
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        resources = container.get("resources") or {}
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **resources.get("requests", {})}


def _quality_of_service(spec: Object) -> str:
    needs = [container.get("resources") or {} for container in spec.get("containers", ())]
    if not any(need.get("requests") or need.get("limits") for need in needs):
        return "BestEffort"
    full = all({"cpu", "memory"} <= (need.get("limits") or {}).keys() for need in needs)
    equal = all(need.get("requests") == need.get("limits") for need in needs)
    return "Guaranteed" if full and equal else "Burstable"


def _fill_pod_spec(spec: Object) -> None:
    for field, value in (
        ("restartPolicy", "Always"),
        ("dnsPolicy", "ClusterFirst"),
        ("schedulerName", "default-scheduler"),
        ("terminationGracePeriodSeconds", 30),
    ):
        spec.setdefault(field, value)
    spec.setdefault("securityContext", {})
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        _fill_container(container)
    if account := spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", account)


def _fill_container(container: Object) -> None:
    image = container.get("image", "")
    latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if latest and "@" not in image else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")


def _fill_workload(obj: Object) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    if obj["kind"] != "DaemonSet":
        spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    if obj["kind"] == "Deployment":
        spec.setdefault("progressDeadlineSeconds", 600)
        rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
        spec.setdefault("strategy", {"type": "RollingUpdate", "rollingUpdate": rolling})
    template = spec.get("template") or {}
    if isinstance(template.get("spec"), dict):
        _fill_pod_spec(template["spec"])


def _fill_ingress(obj: Object) -> None:
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def _fill_slice(obj: Object) -> None:
    for endpoint in obj.get("endpoints") or ():
        endpoint.setdefault("conditions", {})
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _fill_secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    for key, text in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def _fill_node(obj: Object) -> None:
    status = obj.setdefault("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", status["capacity"])


def _fill_budget(obj: Object) -> None:
    status = obj.setdefault("status", {})
    for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        status.setdefault(field, 0)


def _fill_event(obj: Object) -> None:
    obj.setdefault("source", {})
    for field in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(field, None)
    for field in ("reportingComponent", "reportingInstance"):
        obj.setdefault(field, "")


_FILLERS = {
    ("", "namespaces"): _fill_namespace,
    ("", "nodes"): _fill_node,
    ("", "pods"): _fill_pod,
    ("policy", "poddisruptionbudgets"): _fill_budget,
    ("", "secrets"): _fill_secret,
    ("", "services"): fill_service,
    ("", "events"): _fill_event,
    ("apps", "deployments"): _fill_workload,
    ("apps", "statefulsets"): _fill_workload,
    ("apps", "replicasets"): _fill_workload,
    ("apps", "daemonsets"): _fill_workload,
    ("networking.k8s.io", "ingresses"): _fill_ingress,
    ("discovery.k8s.io", "endpointslices"): _fill_slice,
}
