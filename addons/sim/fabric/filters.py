"""The nftables rules of the network: what an interface may send and get, and what leaves by a gateway.

A frame passes only under an address and the MAC of the interface that it comes from, and only to an interface
that owns its target. As on EC2 nobody is asked by ARP: the bridge itself answers for every address that is
assigned, and for no other. An internet gateway takes only packets of an address that has a public one.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from addons.sim.aws.ec2.model import Interface

PORTS = "eni"
"""Names of the network's ends of interfaces begin with it."""
COUNTERS = ("strange_source", "strange_target", "no_public_address")
"""What was dropped, and why."""

_FRAMES = f"""
table bridge fabric {{
  set owners {{ type ifname . ether_addr . ipv4_addr; flags interval; }}
  counter strange_source {{ }}
  counter strange_target {{ }}
  chain received {{
    type filter hook prerouting priority -300; policy drop;
    iifname != "{PORTS}*" accept
    arp operation request accept
    iifname . ether saddr . ip saddr @owners accept
    ether type ip counter name strange_source
  }}
  chain passed_on {{
    type filter hook forward priority -10; policy drop;
    oifname . ether daddr . ip daddr @owners accept
    ether type ip counter name strange_target
  }}
  chain routed {{
    type filter hook output priority -10; policy drop;
    oifname != "{PORTS}*" accept
    arp operation reply accept
    oifname . ether daddr . ip daddr @owners accept
    ether type ip counter name strange_target
  }}
}}
"""
_GATEWAYS = """
table ip gateways {{
  set has_public {{ type ipv4_addr; }}
  map public_of {{ type ipv4_addr : ipv4_addr; }}
  map private_of {{ type ipv4_addr : ipv4_addr; }}
  counter no_public_address {{ }}
  chain leaving {{
    type filter hook forward priority 0; policy accept;
    oifname "{internet}" ip saddr != @has_public counter name no_public_address drop
  }}
  chain out {{
    type nat hook postrouting priority 100; policy accept;
    oifname "{internet}" snat to ip saddr map @public_of
    oifname "{nat}" snat to {nat_address}
  }}
  chain in {{
    type nat hook prerouting priority -100; policy accept;
    iifname "{internet}" dnat to ip daddr map @private_of
  }}
}}
"""


def first_rules(*, internet: str, nat: str, nat_address: IPv4Address) -> str:
    """Give the rules of a network without interfaces, whose gateways are behind the links of these names."""
    return _FRAMES + _GATEWAYS.format(internet=internet, nat=nat, nat_address=nat_address)


def owners(plugged: Mapping[str, Interface]) -> str:
    """Give the commands after which exactly these interfaces own addresses; keys are names of ports."""
    elements = [
        f'"{port}" . {interface.mac} . {target}'
        for port, interface in sorted(plugged.items())
        for target in targets(interface)
    ]
    return "\n".join(["flush set bridge fabric owners", *_add("set bridge fabric owners", elements)])


def public_addresses(public: Mapping[IPv4Address, IPv4Address]) -> str:
    """Give the commands after which exactly these addresses (keys) have a public one (values)."""
    names = ("set ip gateways has_public", "map ip gateways public_of", "map ip gateways private_of")
    lines = [f"flush {name}" for name in names]
    lines += _add(names[0], map(str, public))
    lines += _add(names[1], (f"{private} : {outside}" for private, outside in public.items()))
    lines += _add(names[2], (f"{outside} : {private}" for private, outside in public.items()))
    return "\n".join(lines)


def targets(interface: Interface) -> list[IPv4Address | IPv4Network]:
    """Give all that the VPC delivers to an interface: its addresses and prefixes."""
    return [*interface.addresses, *interface.prefixes]


def _add(where: str, elements: Iterable[str]) -> list[str]:
    joined = ", ".join(elements)
    return [f"add element {where.partition(' ')[2]} {{ {joined} }}"] if joined else []
