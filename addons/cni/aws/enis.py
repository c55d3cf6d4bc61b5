"""The network interfaces of the node: what EC2 says of them, and every change of them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from ipaddress import IPv4Network
from uuid import uuid4

from addons.cni.aws import interfaces
from addons.cni.aws.creation import Creation, DeviceIndexes
from addons.cni.aws.described import Item, eni_from_api, tags_of
from addons.cni.aws.subnets import Subnets
from addons.cni.model.actions import (
    Action,
    AssignAddresses,
    AssignPrefixes,
    CreateEni,
    DeleteEni,
    ReleaseAddresses,
    ReleasePrefixes,
    RepairEni,
    SetSecurityGroups,
)
from addons.cni.model.enis import Eni, NodeIdentity
from addons.cni.model.outcomes import Applied
from addons.cni.names import (
    CLUSTER_TAG,
    CREATED_TAG,
    DESCRIPTION_PREFIX,
    INSTANCE_TAG,
    NO_MANAGE_TAG,
    OWNER,
    OWNER_TAG,
)
from addons.runtime.aws import AwsSession
from addons.runtime.clock import rfc3339, utc_now
from addons.runtime.errors import NotFound, OutsideError
from addons.runtime.permit import Permit


def new_token() -> str:
    """A ClientToken that never repeats."""
    return str(uuid4())


class Enis:
    """The interfaces of one instance.

    Several actions may be applied at once, one of each interface. `cluster` and `more_tags` go to the tags of
    new ones; without `manages_untagged`, interfaces that lack our tag are none of our business.
    """

    def __init__(
        self,
        aws: AwsSession,
        node: NodeIdentity,
        subnets: Subnets,
        *,
        cluster: str,
        more_tags: Mapping[str, str],
        manages_untagged: bool,
        now: Callable[[], datetime] = utc_now,
        new_token: Callable[[], str] = new_token,
    ) -> None:
        self._aws = aws
        self._node = node
        self._subnets = subnets
        self._cluster = cluster
        self._more_tags = more_tags
        self._manages_untagged = manages_untagged
        self._now = now
        self._cidrs: dict[str, IPv4Network] = {}  # of subnets, which never change
        self._known: dict[str, Eni] = {}
        self._indexes = DeviceIndexes()
        self._creation = Creation(
            aws, node.instance_id, self._indexes, new_tags=self._new_tags, new_token=new_token
        )
        self._being_made = 0
        self._being_deleted: set[str] = set()

    async def observe(self) -> tuple[Eni, ...]:
        """All interfaces that are attached or being so, by device index. Raises OutsideError."""
        items = await interfaces.find(self._aws, {"attachment.instance-id": self._node.instance_id})
        enis = await self._read([item for item in items if "Attachment" in item])
        self._known = {eni.eni_id: eni for eni in enis}
        self._indexes.observed({eni.device_index for eni in enis if eni.network_card == 0})
        return tuple(sorted(enis, key=lambda eni: (eni.network_card, eni.device_index)))

    async def apply(self, action: Action, permit: Permit) -> Applied:
        """Carry out one action, and tell what it brought; an error of EC2 is in the result."""
        try:
            return await self._apply(action, permit)
        except OutsideError as error:
            return Applied(action, error)

    async def roll_back(self, permit: Permit) -> tuple[Applied, ...]:
        """Delete what was made for this instance, or detached from it, by a process that ended half-way.

        Nothing is, while an interface is being made here. Raises OutsideError when they cannot be listed.
        """
        wanted = {f"tag:{INSTANCE_TAG}": self._node.instance_id, "status": "available"}
        if self._is_making():
            return ()
        items = await interfaces.find(self._aws, wanted | {"vpc-id": self._node.vpc_id})
        if self._is_making():
            return ()
        because = "left half-way, when the daemon ended"
        deletes = [
            DeleteEni(eni_id=item["NetworkInterfaceId"], attachment_id="", because=because)
            for item in items
            if made_for_pods(item) and item["NetworkInterfaceId"] not in {*self._known, *self._being_deleted}
        ]
        return tuple([await self.apply(action, permit) for action in deletes])

    async def _apply(self, action: Action, permit: Permit) -> Applied:
        match action:
            case AssignAddresses(eni_id=eni_id, count=count):
                addresses, _ = await interfaces.assign(self._aws, eni_id, permit, addresses=count)
                return Applied(action, addresses=addresses)
            case AssignPrefixes(eni_id=eni_id, count=count):
                _, prefixes = await interfaces.assign(self._aws, eni_id, permit, prefixes=count)
                return Applied(action, prefixes=prefixes)
            case ReleaseAddresses(eni_id=eni_id, ips=ips):
                await interfaces.release(self._aws, eni_id, permit, PrivateIpAddresses=ips)
            case ReleasePrefixes(eni_id=eni_id, prefixes=prefixes):
                await interfaces.release(self._aws, eni_id, permit, Ipv4Prefixes=prefixes)
            case CreateEni():
                return await self._create(action, permit)
            case RepairEni(eni_id=eni_id):
                await self._repair(eni_id, permit)
            case SetSecurityGroups(eni_id=eni_id, groups=groups):
                await interfaces.set_groups(self._aws, eni_id, groups, permit)
            case DeleteEni(eni_id=eni_id, attachment_id=attachment_id):
                await self._delete(eni_id, attachment_id, permit)
        return Applied(action)

    async def _create(self, action: CreateEni, permit: Permit) -> Applied:
        self._being_made += 1
        try:
            item = await self._creation.make(action, permit)
        finally:
            self._being_made -= 1
        (eni,) = await self._read([item])
        self._known[eni.eni_id] = eni
        return Applied(action, eni=eni, addresses=eni.addresses, prefixes=eni.prefixes)

    async def _repair(self, eni_id: str, permit: Permit) -> None:
        """Have the interface be as if its making had not been cut off.

        One that somebody attached by hand gets our tags, but no time of its making: it is theirs, and stays
        when the instance goes.
        """
        item = await interfaces.describe(self._aws, eni_id)
        if not item or "Attachment" not in item:
            return
        tags, attachment = tags_of(item), item["Attachment"]
        wanted = {key: value for key, value in self._new_tags().items() if key != CREATED_TAG}
        if missing := {key: value for key, value in wanted.items() if key not in tags}:
            await interfaces.tag(self._aws, eni_id, missing | self._cluster_tag(), permit)
        if CREATED_TAG in tags and not attachment["DeleteOnTermination"]:
            await interfaces.delete_with_instance(self._aws, eni_id, attachment["AttachmentId"], permit)

    async def _delete(self, eni_id: str, attachment_id: str, permit: Permit) -> None:
        self._being_deleted.add(eni_id)
        try:
            if attachment_id:
                await interfaces.detach(self._aws, eni_id, attachment_id, permit)
            if eni := self._known.pop(eni_id, None):
                self._indexes.give_back(eni.device_index)
            await interfaces.delete(self._aws, eni_id, permit)
        finally:
            self._being_deleted.discard(eni_id)

    def _is_making(self) -> bool:
        return self._being_made > 0

    async def _read(self, items: Iterable[Item]) -> list[Eni]:
        """Read interfaces, with the blocks of their subnets. Raises OutsideError."""
        items = list(items)
        if unknown := {item["SubnetId"] for item in items} - self._cidrs.keys():
            self._cidrs |= {subnet.subnet_id: subnet.cidr for subnet in await self._subnets.read(unknown)}
        if gone := unknown - self._cidrs.keys():
            raise NotFound(f"{min(gone)}: EC2 does not show this subnet", code="InvalidSubnetID.NotFound")
        return [
            eni_from_api(item, self._cidrs[item["SubnetId"]], manages_untagged=self._manages_untagged)
            for item in items
        ]

    def _new_tags(self) -> Mapping[str, str]:
        ours = {
            INSTANCE_TAG: self._node.instance_id,
            CREATED_TAG: rfc3339(self._now()),
            OWNER_TAG: OWNER,
        }
        return {**self._more_tags, **ours, **self._cluster_tag()}

    def _cluster_tag(self) -> dict[str, str]:
        """By which a policy may know whose interface it is, so every call that tags has it."""
        return {CLUSTER_TAG: self._cluster} if self._cluster else {}


def made_for_pods(item: Item) -> bool:
    """Whether an interface was made by a daemon like this one, and nobody took it into his own hands."""
    is_ours = item.get("Description", "").startswith(DESCRIPTION_PREFIX)
    return is_ours and tags_of(item).get(NO_MANAGE_TAG) != "true"
