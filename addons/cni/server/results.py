"""What a runtime is answered: the result in the version of its configuration, or the error. Pure.

A result of another version than the configuration's has containerd fail at the end of the pod, for ever.
"""

from typing import Any

from addons.cni.model.assignments import Assignment
from addons.cni.model.requests import CniError, CniRequest

GATEWAY = "169.254.1.1"
"""Where pods send everything, as in the original; no link has this address."""


def result_of(
    request: CniRequest, assignment: Assignment, *, host_mac: str, pod_mac: str, mtu: int
) -> dict[str, Any]:
    """Give the result of an ADD; what plugins before ours in the list have made comes first, unchanged."""
    previous = dict(request.previous or {})
    interfaces = list(previous.pop("interfaces", None) or ())
    ips = list(previous.pop("ips", None) or ())
    routes = list(previous.pop("routes", None) or ())
    previous.setdefault("dns", {})
    host = {"name": assignment.host_if, "mac": host_mac}
    pod = {"name": assignment.key.if_name, "mac": pod_mac, "sandbox": request.netns}
    if request.cni_version == "1.1.0":
        host, pod = {**host, "mtu": mtu}, {**pod, "mtu": mtu}  # type: ignore[dict-item]
    ip = {"address": f"{assignment.ip}/32", "gateway": GATEWAY, "interface": len(interfaces) + 1}
    if request.cni_version == "0.4.0":
        ip = {"version": "4", **ip}
    return {
        **previous,
        "cniVersion": request.cni_version,
        "interfaces": [*interfaces, host, pod],
        "ips": [*ips, ip],
        "routes": [*routes, {"dst": "0.0.0.0/0", "gw": GATEWAY}],
    }


def error_of(error: CniError, version: str) -> dict[str, Any]:
    """Give an error as the specification has it; the user reads `msg` and `details` in the pod's Events."""
    body = {"cniVersion": version, "code": error.code, "msg": error.message}
    return {**body, "details": error.details} if error.details else body


def version_of(asked: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Answer VERSION, in the version that was asked for."""
    return {"cniVersion": asked, "supportedVersions": list(known)}
