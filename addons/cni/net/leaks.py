"""What pods left behind: links of ours that no sandbox holds. Pure."""

from collections.abc import Collection, Iterable, Mapping

from addons.cni.model.assignments import SandboxKey
from addons.cni.net.kernel import LinkState
from addons.cni.net.wiring import is_host_mac, owner_of

LEFT_SECONDS = 60.0
"""A link without a sandbox may be one that is being made, or one that the kernel is about to remove."""


def left_links(
    links: Iterable[LinkState],
    held: Collection[SandboxKey],
    since: Mapping[int, float],
    now: float,
    *,
    routed: Collection[int],
) -> tuple[list[LinkState], dict[int, float]]:
    """Give the links that have served nobody for a minute, and since when each one was seen to serve nobody.

    `since` is the second value of the call before; keys are indexes of links, `now` is in seconds. `routed`
    are the links by which addresses are reached. Links of others, and those that the original made and that
    nobody took over, are left alone.
    """
    keys = {(key.container_id, key.if_name) for key in held}
    idle = [
        link
        for link in links
        if _is_half_made(link, routed) or ((owner := owner_of(link.alias)) and owner not in keys)
    ]
    seen = {link.index: since.get(link.index, now) for link in idle}
    return [link for link in idle if now - seen[link.index] >= LEFT_SECONDS], seen


def _is_half_made(link: LinkState, routed: Collection[int]) -> bool:
    """Whether a daemon that was killed has left it before anything led there: it is ours by its address."""
    return link.kind == "veth" and not link.alias and is_host_mac(link.mac) and link.index not in routed
