"""Interfaces that instances left behind: found by their tags, deleted when they are surely nobody's."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from addons.cni.aws import interfaces
from addons.cni.aws.described import Item, created_at, tags_of
from addons.cni.aws.enis import made_for_pods
from addons.cni.model.actions import DeleteEni
from addons.cni.model.outcomes import Applied
from addons.cni.names import CLUSTER_TAG, CREATED_TAG, INSTANCE_TAG
from addons.runtime.aws import AwsSession
from addons.runtime.clock import rfc3339, utc_now
from addons.runtime.errors import OutsideError
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

_SURELY_MADE = timedelta(minutes=5)
"""An interface that is younger may be about to be attached."""


class LeftBehind:
    """Sweeps a VPC for a cluster; without a name of it, for every cluster that has none."""

    def __init__(
        self, aws: AwsSession, *, vpc_id: str, cluster: str, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._aws = aws
        self._vpc_id = vpc_id
        self._cluster = cluster
        self._now = now

    async def sweep(self, permit: Permit) -> tuple[Applied, ...]:
        """Delete what is attached to nothing and older than five minutes; give the outcome of each.

        One that does not say when it was made is told the present time, and deleted by a later sweep.
        Raises OutsideError when the interfaces cannot be listed.
        """
        applied = []
        for item in await self._list():
            verdict = judge(item, cluster=self._cluster, now=self._now())
            if verdict == "delete":
                applied.append(await self._delete(item, permit))
            elif verdict == "tag":
                await self._tag(item["NetworkInterfaceId"], permit)
        return tuple(applied)

    async def _list(self) -> list[Item]:
        wanted: dict[str, str | list[str]] = {
            "status": "available",
            "vpc-id": self._vpc_id,
            "tag-key": INSTANCE_TAG,
        }
        if self._cluster:
            wanted[f"tag:{CLUSTER_TAG}"] = self._cluster
        return await interfaces.find(self._aws, wanted)

    async def _delete(self, item: Item, permit: Permit) -> Applied:
        eni_id, tags = item["NetworkInterfaceId"], tags_of(item)
        because = f"left behind by {tags[INSTANCE_TAG]}, made {tags[CREATED_TAG]}"
        action = DeleteEni(eni_id=eni_id, attachment_id="", because=because)
        try:
            await interfaces.delete(self._aws, eni_id, permit)
        except OutsideError as error:
            return Applied(action, error)
        return Applied(action)

    async def _tag(self, eni_id: str, permit: Permit) -> None:
        cluster = {CLUSTER_TAG: self._cluster} if self._cluster else {}  # without it a policy may refuse
        try:
            await interfaces.tag(self._aws, eni_id, {CREATED_TAG: rfc3339(self._now()), **cluster}, permit)
        except OutsideError as error:
            log.warning("%s: left behind, and not told the time: %s", eni_id, error.message)


def judge(item: Item, *, cluster: str, now: datetime) -> Literal["delete", "tag", "leave"]:
    """What to do about an interface that is attached to nothing."""
    tags = tags_of(item)
    is_of_cluster = tags.get(CLUSTER_TAG, "") == cluster
    if not made_for_pods(item) or INSTANCE_TAG not in tags or not is_of_cluster:
        return "leave"
    made = created_at(tags)
    if made is None:
        return "tag"
    return "delete" if now - made > _SURELY_MADE else "leave"
