"""Services: defaults, and the addresses and node ports that the cluster gives them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.status import Cause, invalid

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
    """Gives each Service a cluster address and each exposed port a node port, unique while in use."""

    def __init__(self) -> None:
        self._addresses: set[str] = set()
        self._ports: set[int] = set()
        self._next_address = 0

    def assign(self, resource: Resource, obj: Object, old: Object | None) -> None:
        """Complete a valid Service; values of the version before are kept when the new one is silent."""
        spec = obj["spec"]
        before = (old or {}).get("spec", {})
        if spec["type"] == "ExternalName":
            self._release_spec(before)
            return
        self._give_address(resource, obj, before)
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        self._give_ports(resource, obj, before)

    def release(self, obj: Object) -> None:
        """Take back what a deleted Service had."""
        self._release_spec(obj.get("spec", {}))

    def _give_address(self, resource: Resource, obj: Object, before: Object) -> None:
        spec = obj["spec"]
        address = spec.get("clusterIP") or before.get("clusterIP") or ""
        if not address:
            address = next(a for a in self._free_addresses() if a not in self._addresses)
        elif address != "None" and address != before.get("clusterIP") and address in self._addresses:
            why = f"failed to allocate IP {address}: provided IP is already allocated"
            message = f'Invalid value: ["{address}"]: {why}'
            raise invalid(
                resource, obj["metadata"]["name"], [Cause("FieldValueInvalid", "spec.clusterIPs", message)]
            )
        if address != "None":
            self._addresses.add(address)
        spec["clusterIP"], spec["clusterIPs"] = address, [address]

    def _free_addresses(self) -> Iterator[str]:
        while True:
            yield str(FIRST_ADDRESS + self._next_address)
            self._next_address += 1

    def _give_ports(self, resource: Resource, obj: Object, before: Object) -> None:
        spec = obj["spec"]
        held = {
            (p["port"], p["protocol"]): p["nodePort"] for p in before.get("ports", ()) if p.get("nodePort")
        }
        wants = spec["type"] == "NodePort" or (
            spec["type"] == "LoadBalancer" and spec["allocateLoadBalancerNodePorts"]
        )
        for index, port in enumerate(spec.get("ports") or ()):
            if not wants:
                port.pop("nodePort", None)
                continue
            number = port.get("nodePort") or held.get((port["port"], port["protocol"]))
            if number in self._ports and number not in held.values():
                message = f"Invalid value: {number}: provided port is already allocated"
                cause = Cause("FieldValueInvalid", f"spec.ports[{index}].nodePort", message)
                raise invalid(resource, obj["metadata"]["name"], [cause])
            port["nodePort"] = number or next(n for n in NODE_PORTS if n not in self._ports)
            self._ports.add(port["nodePort"])
        self._ports -= set(held.values()) - {p.get("nodePort") for p in spec.get("ports") or ()}

    def _release_spec(self, spec: Object) -> None:
        self._addresses.discard(spec.get("clusterIP", ""))
        self._ports -= {port.get("nodePort", 0) for port in spec.get("ports") or ()}
