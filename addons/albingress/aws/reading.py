"""The calls that read load balancers and what belongs to them. Gives what AWS answers, and keeps nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from addons.albingress.aws.calls import MOST_ARNS, chunks
from addons.albingress.aws.translate.balancers import pairs_from_api
from addons.albingress.model.stack import Pairs
from addons.albingress.names import TAG_CLUSTER, TAG_STACK
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound, Throttled
from addons.runtime.waiting import persistently

T = TypeVar("T")
Item = dict[str, Any]
Tags = dict[str, Pairs]
"""By ARN."""

_PAGE = 400
_AT_ONCE = 6


async def _at_once() -> None:
    return None


class Reading:
    """Reads what belongs to a cluster. `pace` is awaited before each call. All raise OutsideError."""

    def __init__(
        self, aws: AwsSession, cluster: str, *, pace: Callable[[], Awaitable[object]] = _at_once
    ) -> None:
        self._aws = aws
        self._cluster = cluster
        self._pace = pace
        self._together = asyncio.Semaphore(_AT_ONCE)

    async def tagged(self, stack: str = "") -> Tags:
        """The tags of everything of the cluster, or of a stack, by an index that may be some seconds old."""
        wanted = [{"Key": TAG_CLUSTER, "Values": [self._cluster]}]
        if stack:
            wanted.append({"Key": TAG_STACK, "Values": [stack]})
        found = await self._list(
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            TagFilters=wanted,
            ResourceTypeFilters=["elasticloadbalancing"],
            ResourcesPerPage=100,
        )
        return {item["ResourceARN"]: pairs_from_api(item["Tags"]) for item in found}

    async def tags_of(self, arns: Collection[str]) -> Tags:
        """The tags of these; what does not exist is left out."""
        found = await asyncio.gather(*map(self._tags_of, chunks(sorted(arns), MOST_ARNS)))
        return {arn: tags for part in found for arn, tags in part.items()}

    async def _tags_of(self, arns: Collection[str]) -> Tags:
        try:
            items = await self._list("elbv2", "describe_tags", "TagDescriptions", ResourceArns=list(arns))
        except NotFound:
            if len(arns) == 1:
                return {}
            found = await asyncio.gather(*(self._tags_of([arn]) for arn in arns))
            return {arn: tags for part in found for arn, tags in part.items()}
        return {item["ResourceArn"]: pairs_from_api(item["Tags"]) for item in items}

    async def load_balancers(self, arns: Collection[str] | None = None) -> list[Item]:
        """Load balancers: all of the account, or those of these that exist."""
        return await self._some("load_balancers", "LoadBalancers", "LoadBalancerArn", arns)

    async def target_groups(self, arns: Collection[str] | None = None) -> list[Item]:
        """Target groups: all of the account, or those of these that exist."""
        return await self._some("target_groups", "TargetGroups", "TargetGroupArn", arns)

    async def _some(self, what: str, field: str, arn: str, arns: Collection[str] | None) -> list[Item]:
        operation = f"describe_{what}"
        if arns is None:
            return await self._list("elbv2", operation, field, PageSize=_PAGE)
        parts = chunks(sorted(arns), MOST_ARNS)
        try:
            found = await asyncio.gather(
                *(self._list("elbv2", operation, field, **{f"{arn}s": part}) for part in parts)
            )
        except NotFound:  # of one of them, and all are refused
            everything = await self._list("elbv2", operation, field, PageSize=_PAGE)
            return [item for item in everything if item[arn] in arns]
        return [item for part in found for item in part]

    async def load_balancer_named(self, name: str) -> Item | None:
        """The load balancer of this name, if there is one."""
        return await self._one("describe_load_balancers", "LoadBalancers", name)

    async def target_group_named(self, name: str) -> Item | None:
        """The target group of this name, if there is one."""
        return await self._one("describe_target_groups", "TargetGroups", name)

    async def _one(self, operation: str, field: str, name: str) -> Item | None:
        try:
            return next(iter(await self._list("elbv2", operation, field, Names=[name])), None)
        except NotFound:
            return None

    async def listeners(self, load_balancer_arn: str) -> list[Item]:
        """The listeners of a load balancer; none where it is gone."""
        return await self._below("listeners", "Listeners", LoadBalancerArn=load_balancer_arn)

    async def rules(self, listener_arn: str) -> list[Item]:
        """The rules of a listener, the default one not among them; none where it is gone."""
        found = await self._below("rules", "Rules", ListenerArn=listener_arn)
        return [item for item in found if not item.get("IsDefault") and item["Priority"] != "default"]

    async def certificates(self, listener_arn: str) -> tuple[str, ...]:
        """The certificates of a listener, the default one first; none where it is gone."""
        found = await self._below("listener_certificates", "Certificates", ListenerArn=listener_arn)
        in_order = sorted(found, key=lambda item: (not item.get("IsDefault"), item["CertificateArn"]))
        return tuple(dict.fromkeys(item["CertificateArn"] for item in in_order))

    async def _below(self, what: str, field: str, **arguments: str) -> list[Item]:
        try:
            return await self._list("elbv2", f"describe_{what}", field, PageSize=_PAGE, **arguments)
        except NotFound:
            return []

    async def attributes(self, what: str, **arn: str) -> Pairs:
        """All attributes of a load balancer, listener or target group."""
        reply = await self._call("elbv2", f"describe_{what}_attributes", **arn)
        return pairs_from_api(reply["Attributes"])

    async def security_groups(self, wanted: Mapping[str, str | Iterable[str]]) -> list[Item]:
        """The security groups that all of the filters let through."""
        filters = [
            {"Name": name, "Values": [value] if isinstance(value, str) else list(value)}
            for name, value in wanted.items()
        ]
        return await self._list("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)

    async def interfaces_in(self, security_group: str) -> list[Item]:
        """The network interfaces that have a security group."""
        filters = [{"Name": "group-id", "Values": [security_group]}]
        return await self._list("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)

    async def security_groups_of_cluster(self) -> list[Item]:
        """Those that have the tag of the cluster."""
        return await self.security_groups({f"tag:{TAG_CLUSTER}": self._cluster})

    async def _call(self, service: str, operation: str, **arguments: Any) -> Item:
        return await self._patiently(partial(self._aws.call, service, operation, **arguments))

    async def _list(self, service: str, operation: str, field: str, **arguments: Any) -> list[Item]:
        if service == "elbv2" and operation == "describe_tags":
            return list((await self._call(service, operation, **arguments))[field])

        async def once() -> list[Item]:
            pages = self._aws.pages(service, operation, **arguments)
            return [item async for page in pages for item in page[field]]

        return await self._patiently(once)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, again where AWS has no token left: else all would be lost that was read beside it."""
        async with self._together:
            await self._pace()
            return await persistently(call, Throttled)
