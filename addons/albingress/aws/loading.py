"""What AWS has of ours, read into values: all of a cluster at once, or one stack again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from addons.albingress.aws.reading import Item, Reading, Tags
from addons.albingress.aws.snapshot import Thing, stack_by
from addons.albingress.aws.translate.actions import Naming
from addons.albingress.aws.translate.balancers import load_balancer_from_api, target_group_from_api
from addons.albingress.aws.translate.permissions import security_group_from_api
from addons.albingress.aws.translate.rules import listener_from_api, rule_from_api
from addons.albingress.model.elb import Listener, LoadBalancer, Rule, SecurityGroup
from addons.albingress.names import TAG_CLUSTER
from addons.runtime.errors import Denied

log = logging.getLogger(__name__)

_OUR_NAMES = "k8s-"


class Loading:
    """Reads the things of one cluster. `uses_index`: whether the tagging API may be asked what there is."""

    def __init__(self, reading: Reading, *, cluster: str, uses_index: bool) -> None:
        self._reading = reading
        self._cluster = cluster
        self._uses_index = uses_index

    async def everything(
        self, vpc_id: str, groups_of_vpc: Callable[[], Awaitable[Iterable[SecurityGroup]]] | None = None
    ) -> list[Thing]:
        """All that has the tags of the cluster in its VPC, and what belongs to that. Raises OutsideError.

        `groups_of_vpc` may give all security groups where others need them too.

        The index of tags may lag behind: what it does not have, and might be ours, is asked itself.
        """
        tags, balancers, groups, security_groups = await asyncio.gather(
            self._index(),
            self._reading.load_balancers(),
            self._reading.target_groups(),
            groups_of_vpc() if groups_of_vpc else self._security_groups(),
        )
        balancers = [item for item in balancers if _is_in(item, vpc_id) and item["Type"] == "application"]
        groups = [item for item in groups if _is_in(item, vpc_id)]
        unknown = [item["LoadBalancerArn"] for item in balancers] + [
            item["TargetGroupArn"]
            for item in groups
            if item["TargetGroupName"].startswith(_OUR_NAMES) or not self._uses_index
        ]
        tags |= await self._reading.tags_of(set(unknown) - tags.keys())
        own = [each for each in security_groups if dict(each.tags).get(TAG_CLUSTER) == self._cluster]
        return [*own, *await self._below(balancers, groups, tags)]

    async def stack(self, stack: str, known: Collection[str], name_of: Naming) -> list[Thing]:
        """All that has the tags of a stack, and all security groups of the cluster. Raises OutsideError.

        `known` are the ARNs that had its tags: they are asked for their tags themselves.
        """
        tags, security_groups = await asyncio.gather(self._index(stack), self._security_groups())
        balancers = {arn for arn in (*known, *tags) if ":loadbalancer/" in arn}
        groups = {arn for arn in (*known, *tags) if ":targetgroup/" in arn}
        more, balancer_items, group_items = await asyncio.gather(
            self._reading.tags_of((balancers | groups) - tags.keys()),
            self._reading.load_balancers(balancers),
            self._reading.target_groups(groups),
        )
        tags |= more
        return [*security_groups, *await self._below(balancer_items, group_items, tags, name_of)]

    async def _index(self, stack: str = "") -> Tags:
        if not self._uses_index:
            return {}
        try:
            return await self._reading.tagged(stack)
        except Denied as error:
            self._uses_index = False
            log.warning("what is ours is found by reading the tags of everything: %s", error.message)
            return {}

    async def _security_groups(self) -> list[SecurityGroup]:
        return list(map(security_group_from_api, await self._reading.security_groups_of_cluster()))

    async def _below(
        self, balancers: Iterable[Item], groups: Iterable[Item], tags: Tags, name_of: Naming = str
    ) -> list[Thing]:
        """Those of them that are ours, with the listeners and rules of the load balancers."""
        ours = [load_balancer_from_api(item, tags.get(item["LoadBalancerArn"], ())) for item in balancers]
        ours = [each for each in ours if stack_by(each.tags, self._cluster)]
        own_groups = [target_group_from_api(item, tags.get(item["TargetGroupArn"], ())) for item in groups]
        own_groups = [each for each in own_groups if stack_by(each.tags, self._cluster)]
        names = {each.arn: each.name for each in own_groups}
        parts = await asyncio.gather(*(self._listeners(each) for each in ours))
        listeners = [item for part in parts for item in part]
        rules = [rule for _, _, below in listeners for rule in below]
        arns = {item["ListenerArn"] for item, _, _ in listeners} | {rule["RuleArn"] for rule in rules}
        tags |= await self._reading.tags_of(arns - tags.keys())

        def named(arn: str) -> str:
            return names.get(arn) or name_of(arn)

        return [*ours, *own_groups, *_values(listeners, tags, named)]

    async def _listeners(self, balancer: LoadBalancer) -> list[tuple[Item, tuple[str, ...], list[Item]]]:
        """The listeners of a load balancer, each with its certificates and rules."""
        items = await self._reading.listeners(balancer.arn)
        return list(await asyncio.gather(*map(self._listener, items)))

    async def _listener(self, item: Item) -> tuple[Item, tuple[str, ...], list[Item]]:
        arn = item["ListenerArn"]
        if item["Protocol"] != "HTTPS":
            return item, (), await self._reading.rules(arn)
        certificates, rules = await asyncio.gather(self._reading.certificates(arn), self._reading.rules(arn))
        return item, certificates, rules


def _is_in(item: Item, vpc_id: str) -> bool:
    return bool(item.get("VpcId") == vpc_id)


def _values(
    listeners: Sequence[tuple[Item, tuple[str, ...], list[Item]]], tags: Tags, name_of: Naming
) -> list[Listener | Rule]:
    found: list[Listener | Rule] = []
    for item, certificates, rules in listeners:
        listener = listener_from_api(item, name_of, tags.get(item["ListenerArn"], ()))
        found.append(replace(listener, certificates=certificates or listener.certificates))
        found += [rule_from_api(rule, name_of, tags.get(rule["RuleArn"], ())) for rule in rules]
    return found
