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
  chain to_target {{ {to_target}; }}
  chain services {{
    ip daddr {address} tcp dport {port} goto to_target
    {node_port}
  }}
  chain of_others {{ type nat hook prerouting priority -100; jump services; }}
  chain of_node {{ type nat hook output priority -100; jump services; }}
  chain out {{ type nat hook postrouting priority 100; meta mark & {mark} == {mark} masquerade; }}
}}
"""


@dataclass(frozen=True)
class Service:
    """A Service of TCP: its own address and port, and the addresses of pods with their port.

    With `node_port` it is one of type NodePort. Its clients then appear under the node's address, unless
    `is_local` (externalTrafficPolicy: Local), which shows them as they are.
    """

    address: str
    port: int
    targets: Sequence[str]
    target_port: int
    node_port: int = 0
    is_local: bool = False


def publish(inside: Namespace, service: Service) -> None:
    """Let a node have a Service, in the place of one that had its address before."""
    numbered = ", ".join(
        f"{number} : {target} . {service.target_port}" for number, target in enumerate(service.targets)
    )
    draw = f"numgen random mod {len(service.targets)}"
    rules = _RULES.format(
        table="service_" + service.address.replace(".", "_"),
        to_target=f"meta l4proto tcp dnat ip addr . port to {draw} map {{ {numbered} }}",
        address=service.address,
        port=service.port,
        node_port=_node_port(service),
        mark=_MASQUERADED,
    )
    output_of(*inside.command("nft", "-f", "-"), stdin=rules)


def _node_port(service: Service) -> str:
    if not service.node_port:
        return ""
    mark = "" if service.is_local else f"meta mark set meta mark | {_MASQUERADED} "
    return f"fib daddr type local tcp dport {service.node_port} {mark}goto to_target"
