"""A table of nftables as a value, and its text as `nft` lists it. Pure."""

from typing import NamedTuple

from addons.netlink.expressions import Expression, Statement


class Priority(NamedTuple):
    """When a chain comes in turn at its hook: the lower, the earlier; and how `nft` writes it."""

    text: str
    value: int


class Rule(NamedTuple):
    """One rule: its text in the language of `nft`, and the expressions of the kernel."""

    text: str
    expressions: tuple[Expression, ...]


class Chain(NamedTuple):
    """A base chain: one at a hook of the packets' way through the kernel. Its policy is to accept."""

    name: str
    type: str
    hook: str
    priority: Priority
    rules: tuple[Rule, ...]


class Table(NamedTuple):
    """A table of the family inet, which sees packets of IPv4 and IPv6."""

    name: str
    chains: tuple[Chain, ...]


def rule(*statements: Statement) -> Rule:
    """Make a rule of its statements, which the kernel runs from left to right."""
    return Rule(
        " ".join(statement.text for statement in statements),
        tuple(expression for statement in statements for expression in statement.expressions),
    )


def write(table: Table) -> str:
    """Give the table in the language of `nft`: as `nft --stateless list` shows it."""
    blocks = []
    for chain in table.chains:
        head = f"type {chain.type} hook {chain.hook} priority {chain.priority.text}; policy accept;"
        lines = "".join(f"\t\t{line}\n" for line in (head, *(each.text for each in chain.rules)))
        blocks.append(f"\tchain {chain.name} {{\n{lines}\t}}\n")
    return f"table inet {table.name} {{\n" + "\n".join(blocks) + "}\n"
