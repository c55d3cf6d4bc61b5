"""Services on a node as kube-proxy has them, which does not run in tests."""

from collections.abc import Sequence
from dataclasses import dataclass

from addons.sim.net import Namespace
from tests.support.processes import output_of

_MASQUERADED = "0x4000"
_RULES = """
table ip {table}
delete table ip {table}
table ip {table} {{
  chain to_target {{ {to_target} }}
  chain services {{
    ip daddr {address} tcp dport {port} goto to_target
    {node_port}
  }}
  chain of_others {{ type nat hook prerouting priority -100; jump services; }}
  chain of_node {{ type nat hook output priority -100; jump services; }}
  chain refused {{ {refused} }}
  chain refused_to_others {{ type filter hook forward priority 0; jump refused; }}
  chain refused_to_node {{ type filter hook output priority 0; jump refused; }}
  chain out {{ type nat hook postrouting priority 100; meta mark & {mark} == {mark} masquerade; }}
}}
"""


@dataclass(frozen=True)
class Service:
    """A Service of TCP: its own address and port, and the addresses of pods with their port.

    With `node_port` it is one of type NodePort. Its clients then appear under the node's address, unless
    `is_local` (externalTrafficPolicy: Local), which shows them as they are. Without targets it refuses.
    """

    address: str
    port: int
    targets: Sequence[str]
    target_port: int
    node_port: int = 0
    is_local: bool = False


def publish(inside: Namespace, service: Service) -> None:
    """Let a node have a Service, in the place of one that had its address before."""
    refused = f"ip daddr {service.address} tcp dport {service.port} reject with tcp reset;"
    rules = _RULES.format(
        table="service_" + service.address.replace(".", "_"),
        to_target=_to_target(service) if service.targets else "",
        refused="" if service.targets else refused,
        address=service.address,
        port=service.port,
        node_port=_node_port(service),
        mark=_MASQUERADED,
    )
    output_of(*inside.command("nft", "-f", "-"), stdin=rules)


def withdraw(inside: Namespace, address: str) -> None:
    """Let a node have a Service no more, if it had it."""
    table = "service_" + address.replace(".", "_")
    output_of(*inside.command("nft", "-f", "-"), stdin=f"table ip {table}\ndelete table ip {table}")


def _to_target(service: Service) -> str:
    numbered = ", ".join(
        f"{number} : {target} . {service.target_port}" for number, target in enumerate(service.targets)
    )
    draw = f"numgen random mod {len(service.targets)}"
    return f"meta l4proto tcp dnat ip addr . port to {draw} map {{ {numbered} }};"


def _node_port(service: Service) -> str:
    if not service.node_port:
        return ""
    mark = "" if service.is_local else f"meta mark set meta mark | {_MASQUERADED} "
    return f"fib daddr type local tcp dport {service.node_port} {mark}goto to_target"
