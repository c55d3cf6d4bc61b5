"""What the bindings of one target group ask for, read from the caches."""

from collections.abc import Callable

from msgspec import Struct

from addons.albingress.config import Config
from addons.albingress.desired.endpoint_rules import Openings, openings, port_numbers
from addons.albingress.desired.endpoints import desired_targets, hosts_of
from addons.albingress.kube.endpoints import Endpoints
from addons.albingress.model.network import Vpc
from addons.albingress.model.targets import Binding, NotKnown, Target, Wanted
from addons.runtime.objects import Key


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
    """Reads wishes. `vpc` gives the network of the cluster, None where it was not read yet."""

    def __init__(self, config: Config, *, endpoints: Endpoints, vpc: Callable[[], Vpc | None]) -> None:
        self._fail_open = config.enable_endpoints_fail_open
        self._restricted = not config.disable_restricted_sg_rules
        self._endpoints = endpoints
        self._vpc = vpc

    def of(self, bindings: tuple[Binding, ...]) -> Wishes:
        """What these bindings of one group ask for."""
        known: dict[Key, Wanted] = {}
        unknown: dict[Key, str] = {}
        opened, hosts = list[Openings](), dict[str, str]()
        for each in bindings:
            backends = self._endpoints.behind(each.backend.namespace, each.backend.service)
            found = desired_targets(each, backends, self._vpc(), fail_open=self._fail_open)
            if isinstance(found, NotKnown):
                unknown[each.key] = found.message
                continue
            known[each.key] = found
            if each.access:
                numbers = port_numbers(backends.service, backends.slices)
                opened.append(openings(each, found, numbers, restricted=self._restricted))
                hosts |= hosts_of(found, backends)
        return Wishes(bindings=bindings, known=known, unknown=unknown, openings=tuple(opened), hosts=hosts)
