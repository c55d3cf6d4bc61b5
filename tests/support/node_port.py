"""A NodePort as kube-proxy makes it."""

from addons.sim.net import Namespace
from tests.support.processes import output_of


def open_node_port(node: Namespace, ip: str, port: int) -> None:
    """Have a port of the node lead to port 80 of a pod; the client's address stays."""
    rules = f"""
        add table ip proxy
        add chain ip proxy services {{ type nat hook prerouting priority dstnat; }}
        add rule ip proxy services fib daddr type local tcp dport {port} dnat to {ip}:80
    """
    output_of(*node.command("nft", rules))
