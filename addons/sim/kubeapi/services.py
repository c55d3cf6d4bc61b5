"""Services: defaults, and the addresses and node ports that the cluster gives them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import Cause, internal_error, invalid

FIRST_ADDRESS = IPv4Address("10.96.0.10")
NODE_PORTS = range(30_000, 32_768)


def fill_service(obj: Object) -> None:
    """Set the defaults that depend on nothing but the Service itself."""
    obj.setdefault("status", {}).setdefault("loadBalancer", {})
    spec = obj.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, "", 0):
            port["targetPort"] = port.get("port", 0)
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    else:
        spec.pop("externalTrafficPolicy", None)
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        for balancer in obj["status"]["loadBalancer"].get("ingress") or ():
            if "ip" in balancer:
                balancer.setdefault("ipMode", "VIP")
    else:
        spec.pop("allocateLoadBalancerNodePorts", None)
        obj["status"]["loadBalancer"] = {}


class ServiceAllocator:
    """Gives each Service a cluster address and each exposed port a node port, unique while in use.

    A Service that is refused, or only tried (`dry_run`), takes nothing.
    """

    def __init__(self, node_ports: range) -> None:
        self._node_ports = node_ports
        self._addresses: set[str] = set()
        self._ports: set[int] = set()
        self._next_address = 0

    def assign(self, resource: Resource, obj: Object, old: Object | None, *, dry_run: bool) -> None:
        """Complete a valid Service; values of the version before are kept when the new one is silent."""
        spec = obj["spec"]
        before = (old or {}).get("spec", {})
        if spec["type"] != "ExternalName":
            spec["clusterIP"] = self._choose_address(resource, obj, before)
            spec["clusterIPs"] = [spec["clusterIP"]]
            spec.setdefault("ipFamilies", ["IPv4"])
            spec.setdefault("ipFamilyPolicy", "SingleStack")
            self._choose_ports(resource, obj, before)
        if not dry_run:
            self._release_spec(before)
            self._addresses |= {spec.get("clusterIP", "None")} - {"None"}
            self._ports |= _node_ports(spec)

    def release(self, obj: Object) -> None:
        """Take back what a deleted Service had."""
        self._release_spec(obj.get("spec", {}))

    def _choose_address(self, resource: Resource, obj: Object, before: Object) -> str:
        address = obj["spec"].get("clusterIP") or before.get("clusterIP") or ""
        if not address:
            return next(a for a in self._free_addresses() if a not in self._addresses)
        if address != before.get("clusterIP") and address in self._addresses:
            why = f"failed to allocate IP {address}: provided IP is already allocated"
            cause = Cause("FieldValueInvalid", "spec.clusterIPs", f'Invalid value: ["{address}"]: {why}')
            raise invalid(resource, obj["metadata"]["name"], [cause])
        return str(address)

    def _free_addresses(self) -> Iterator[str]:
        while True:
            yield str(FIRST_ADDRESS + self._next_address)
            self._next_address += 1

    def _choose_ports(self, resource: Resource, obj: Object, before: Object) -> None:
        spec = obj["spec"]
        held = {(p["port"], p["protocol"]): p.get("nodePort") for p in before.get("ports", ())}
        chosen: dict[int, int] = {}  # one port by two protocols has one node port
        wants = spec["type"] == "NodePort" or (
            spec["type"] == "LoadBalancer" and spec["allocateLoadBalancerNodePorts"]
        )
        for index, port in enumerate(spec.get("ports") or ()):
            if not wants:
                port.pop("nodePort", None)
                continue
            shared = chosen.get(port["port"])
            number = port.get("nodePort") or held.get((port["port"], port["protocol"])) or shared
            taken = self._ports - _node_ports(before) | set(chosen.values())
            if number != shared and (fault := self._fault(number, before, taken)):
                message = f"Invalid value: {number}: provided port is {fault}"
                cause = Cause("FieldValueInvalid", f"spec.ports[{index}].nodePort", message)
                raise invalid(resource, obj["metadata"]["name"], [cause])
            port["nodePort"] = chosen[port["port"]] = number or self._free_port(chosen.values())

    def _fault(self, number: int | None, before: Object, taken: Collection[int]) -> str:
        """Why a node port cannot be had; the range is nothing to one that the Service has already."""
        if number in taken:
            return "already allocated"
        if number is None or number in self._node_ports or number in _node_ports(before):
            return ""
        first, last = self._node_ports[0], self._node_ports[-1]
        return f"not in the valid range. The range of valid ports is {first}-{last}"

    def _free_port(self, chosen: Collection[int]) -> int:
        for number in self._node_ports:
            if number not in self._ports and number not in chosen:
                return number
        raise internal_error("failed to allocate a nodePort: range is full")

    def _release_spec(self, spec: Object) -> None:
        self._addresses.discard(spec.get("clusterIP", ""))
        self._ports -= _node_ports(spec)


def _node_ports(spec: Object) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
