"""The making of an interface as one unit: made, attached, to be deleted with the instance, and seen so.

What fails half-way is deleted again. What a kill leaves half-way is found by what it looks like: it has our
tags and is attached to nothing (`Enis.roll_back`), or attached and not to be deleted with the instance.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from addons.cni.aws import interfaces
from addons.cni.aws.calls import exhaustion_told
from addons.cni.aws.described import Item
from addons.cni.model.actions import CreateEni
from addons.cni.names import DESCRIPTION_PREFIX
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Conflict, Exhausted, Invalid, NotFound, OutsideError, Unavailable
from addons.runtime.permit import Permit
from addons.runtime.waiting import persistently, until_there

log = logging.getLogger(__name__)

_INDEX_TRIES = 4


class DeviceIndexes:
    """Which device indexes of the instance are free, of those on the first network card."""

    def __init__(self) -> None:
        self._taken: set[int] = {0}
        self._reserved: set[int] = set()

    def observed(self, taken: set[int]) -> None:
        """Learn which ones EC2 says are taken."""
        self._taken = {0} | taken

    @contextmanager
    def next(self) -> Iterator[int]:
        """Give the lowest free one; until the end of the context nobody else gets it."""
        index = next(n for n in range(1, len(self._taken | self._reserved) + 2) if self._is_free(n))
        self._reserved.add(index)
        try:
            yield index
        finally:
            self._reserved.discard(index)

    def take(self, index: int) -> None:
        """Note that one is taken."""
        self._taken.add(index)

    def give_back(self, index: int) -> None:
        """Note that one is free again."""
        self._taken.discard(index)

    def _is_free(self, index: int) -> bool:
        return index not in self._taken and index not in self._reserved


class Creation:
    """Makes interfaces for one instance; `new_tags` are those of one made now, `new_token` never repeats."""

    def __init__(
        self,
        aws: AwsSession,
        instance_id: str,
        indexes: DeviceIndexes,
        *,
        new_tags: Callable[[], Mapping[str, str]],
        new_token: Callable[[], str],
    ) -> None:
        self._aws = aws
        self._instance_id = instance_id
        self._indexes = indexes
        self._new_tags = new_tags
        self._new_token = new_token

    async def make(self, action: CreateEni, permit: Permit) -> Item:
        """Give the new interface as EC2 shows it attached. Raises OutsideError.

        Exhausted: the subnets are full, or the instance has all the interfaces that it may have.
        """
        eni_id = await self._create(action, permit)
        try:
            attachment_id = await self._attach(eni_id, permit)
        except OutsideError:
            await self._delete_again(eni_id, permit)
            raise
        await interfaces.delete_with_instance(self._aws, eni_id, attachment_id, permit)
        return await self._see(eni_id)

    async def _create(self, action: CreateEni, permit: Permit) -> str:
        """Make it in the first of the subnets that has room; give its id."""
        full: list[Exhausted] = []
        for subnet_id in action.subnet_ids:
            try:
                return await self._create_in(subnet_id, action, permit)
            except Exhausted as error:
                if not error.code.startswith("Insufficient"):
                    raise
                full.append(error)
        tried = ", ".join(action.subnet_ids)
        if not full:
            raise Invalid("no subnet to make an interface in", code="NoSubnet")
        raise Exhausted(
            f"no room for another interface in {tried}: {full[-1].message}",
            code=full[-1].code,
            status=full[-1].status,
        )

    async def _create_in(self, subnet_id: str, action: CreateEni, permit: Permit) -> str:
        tags = [{"Key": key, "Value": value} for key, value in self._new_tags().items()]
        arguments: dict[str, Any] = {
            "SubnetId": subnet_id,
            "Description": f"{DESCRIPTION_PREFIX}{self._instance_id}",
            "TagSpecifications": [{"ResourceType": "network-interface", "Tags": tags}],
            "ClientToken": self._new_token(),
        }
        if action.security_groups:
            arguments["Groups"] = list(action.security_groups)
        if action.prefixes:
            arguments["Ipv4PrefixCount"] = action.prefixes
        elif action.addresses:
            arguments["SecondaryPrivateIpAddressCount"] = action.addresses

        async def create() -> str:
            with exhaustion_told():
                reply = await self._aws.call("ec2", "create_network_interface", permit=permit, **arguments)
            made: str = reply["NetworkInterface"]["NetworkInterfaceId"]
            return made

        return await persistently(create, Unavailable, tries=3)  # the token makes it one, however often

    async def _attach(self, eni_id: str, permit: Permit) -> str:
        """Attach it at the first device index that is free; give the id of the attachment."""
        for left in reversed(range(_INDEX_TRIES)):
            with self._indexes.next() as index:
                try:
                    attachment_id = await self._attach_at(index, eni_id, permit)
                except Invalid as error:
                    if not left or "device index" not in error.message.lower():
                        raise
                    self._indexes.take(index)
                else:
                    self._indexes.take(index)
                    return attachment_id
        raise AssertionError("the last try returns or raises")

    async def _attach_at(self, index: int, eni_id: str, permit: Permit) -> str:
        async def attach() -> str:
            try:
                reply = await self._aws.call(
                    "ec2",
                    "attach_network_interface",
                    permit=permit,
                    NetworkInterfaceId=eni_id,
                    InstanceId=self._instance_id,
                    DeviceIndex=index,
                    NetworkCardIndex=0,
                )
            except (Conflict, Invalid, Unavailable):
                if attached := await self._attachment(eni_id):
                    return attached
                raise
            made: str = reply["AttachmentId"]
            return made

        return await persistently(attach, NotFound, Unavailable)

    async def _attachment(self, eni_id: str) -> str:
        """The id of its attachment to our instance; empty when there is none."""
        item = await interfaces.describe(self._aws, eni_id) or {}
        attachment = item.get("Attachment", {})
        ours = attachment.get("InstanceId") == self._instance_id
        return attachment["AttachmentId"] if ours else ""

    async def _see(self, eni_id: str) -> Item:
        async def look() -> Item | None:
            item = await interfaces.describe(self._aws, eni_id)
            attachment = item.get("Attachment", {}) if item else {}
            return item if attachment.get("Status") == "attached" else None

        if seen := await until_there(look):
            return seen
        raise Unavailable(f"{eni_id}: attached, and EC2 does not show it yet", code="NotSeenYet")

    async def _delete_again(self, eni_id: str, permit: Permit) -> None:
        try:
            await interfaces.delete(self._aws, eni_id, permit)
        except OutsideError as error:
            log.warning("%s: made, not attached and not deleted again: %s", eni_id, error.message)
