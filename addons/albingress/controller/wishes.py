"""What the bindings of one target group ask for, read from the caches."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from addons.albingress.aws.network import Network
from addons.albingress.config import Config
from addons.albingress.desired.endpoint_rules import Openings, openings, port_numbers
from addons.albingress.desired.endpoints import desired_targets, hosts_of
from addons.albingress.kube.endpoints import Endpoints
from addons.albingress.model.targets import Binding, NotKnown, Target, Wanted
from addons.runtime.errors import OutsideError
from addons.runtime.objects import Key

_NETWORK_SECONDS: Final = 5.0
"""So long the VPC is waited for."""

_OLD_SECONDS: Final = 30.0
"""What was read of the VPC, or was not answered, so long ago is asked for again."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What the bindings of a group ask for now, and why that of some of them is not known.

    `openings` is what security groups must let in to the targets, `hosts` the instances that these are on.
    """

    bindings: tuple[Binding, ...]
    known: dict[Key, Wanted]
    unknown: dict[Key, str]
    openings: tuple[Openings, ...]
    hosts: dict[str, str]

    @property
    def targets(self) -> set[Target]:
        """All targets that are asked for."""
        return {target for wanted in self.known.values() for target in wanted.targets}

    @property
    def why_kept(self) -> str:
        """Why nothing may be given up; empty where all is known."""
        return "; ".join(sorted(set(self.unknown.values())))


class WishReader:
    """Reads wishes. The ranges of the VPC are asked for when they are needed: for a new address."""

    def __init__(self, config: Config, *, endpoints: Endpoints, network: Network) -> None:
        self._fail_open = config.enable_endpoints_fail_open
        self._restricted = not config.disable_restricted_sg_rules
        self._endpoints = endpoints
        self._network = network
        self._one_by_one = asyncio.Lock()
        self._asked_at = float("-inf")

    def needs_network(self, new: Iterable[Target]) -> bool:
        """Whether to read the ranges of the VPC before these are registered.

        They are not known, or they were read a while ago and an address is in none of them: the VPC may have
        got a range more.
        """
        is_known = self._network.known_vpc() is not None
        is_old = self._network.vpc_age() > _OLD_SECONDS
        return not is_known or (is_old and any(target.zone for target in new))

    async def learn_network(self) -> None:
        """Have the ranges of the VPC known, if that goes quickly: what is outside is registered as such."""
        async with self._one_by_one:
            now = asyncio.get_running_loop().time()
            if self._network.vpc_age() <= _OLD_SECONDS or now < self._asked_at + _OLD_SECONDS:
                return
            with suppress(OutsideError, TimeoutError):
                async with asyncio.timeout(_NETWORK_SECONDS):
                    await self._network.read_vpc()
            self._asked_at = now

    def of(self, bindings: tuple[Binding, ...]) -> Wishes:
        """What these bindings of one group ask for."""
        vpc = self._network.known_vpc()
        known: dict[Key, Wanted] = {}
        unknown: dict[Key, str] = {}
        opened, hosts = list[Openings](), dict[str, str]()
        for each in bindings:
            backends = self._endpoints.behind(each.backend.namespace, each.backend.service)
            found = desired_targets(each, backends, vpc, fail_open=self._fail_open)
            if isinstance(found, NotKnown):
                unknown[each.key] = found.message
                continue
            known[each.key] = found
            if each.access:
                numbers = port_numbers(backends.service, backends.slices)
                opened.append(openings(each, found, numbers, restricted=self._restricted))
                hosts |= hosts_of(found, backends)
        return Wishes(bindings=bindings, known=known, unknown=unknown, openings=tuple(opened), hosts=hosts)
