"""The types that were known when this was built, so that a node need not ask EC2 what it is."""

from pathlib import Path
from typing import cast

from addons.instance_types.network import Kind, TypeNetwork

PATH = Path(__file__).with_name("types.txt")
"""A line for each type: name, interfaces, addresses of each, kind, network cards."""


def find(name: str) -> TypeNetwork | None:
    """Look a type up; None for one that is newer than the table. Nothing is kept: one line is read for it."""
    with PATH.open(encoding="ascii") as lines:
        found = next((line for line in lines if line.split(" ", 1)[0] == name), None)
    return line_to_network(found) if found else None


def line_to_network(line: str) -> TypeNetwork:
    """Read a line of the table."""
    name, enis, addresses, kind, cards = line.split()
    return TypeNetwork(name, int(enis), int(addresses), cast(Kind, kind), int(cards))


def network_to_line(network: TypeNetwork) -> str:
    """Write a line of the table."""
    return f"{network.name} {network.enis} {network.addresses_per_eni} {network.kind} {network.cards}\n"
