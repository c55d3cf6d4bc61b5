"""What EKS says of the nodes of its managed node groups. Nobody has to let us ask: tags tell it too."""

import logging
from collections.abc import Mapping
from typing import Any

from addons.autoscaler import names
from addons.autoscaler.aws.calls import in_time
from addons.autoscaler.model.groups import Declared
from addons.autoscaler.model.pods import Taint
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound, OutsideError, Withheld

log = logging.getLogger(__name__)

ASK_SECONDS = 600.0
"""So long an answer is believed."""

NodeGroupKey = tuple[str, str]
"""Cluster and node group, by the names that EKS has for them."""

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def node_group_of(tags: Mapping[str, str]) -> NodeGroupKey | None:
    """The managed node group that an auto scaling group is of, by the tags that EKS gives it."""
    cluster, name = tags.get(names.EKS_CLUSTER, ""), tags.get(names.EKS_NODE_GROUP, "")
    return (cluster, name) if cluster and name else None


class NodeGroups:
    """Asks EKS. What it does not tell is as it was, and costs nothing else.

    `known` has what it told, and None where there is no such node group, or nothing was ever told of it.
    """

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._complaint = ""
        self.known: dict[NodeGroupKey, Declared | None] = {}

    async def learn(self, key: NodeGroupKey) -> None:
        """Ask about a node group. Raises Withheld alone; another failure is told when it is a new one."""
        cluster, name = key
        try:
            async with in_time(f"node group {name}"):
                reply = await self._aws.call(
                    "eks", "describe_nodegroup", clusterName=cluster, nodegroupName=name
                )
        except Withheld:
            raise
        except NotFound:
            self.known[key] = None
        except OutsideError as error:
            self.known.setdefault(key, None)
            self._complain(error)
        else:
            self.known[key] = declared_of(reply.get("nodegroup") or {})
            self._complaint = ""

    def _complain(self, error: OutsideError) -> None:
        if error.reason != self._complaint:
            self._complaint = error.reason
            log.warning(
                "labels and taints of managed node groups without nodes are known by their tags alone, as EKS"
                " does not tell them (eks:DescribeNodegroup): %s",
                error.message,
            )


def declared_of(node_group: Mapping[str, Any]) -> Declared:
    """Labels and taints of an answer; a taint of an effect that nobody knows is left out."""
    taints = [
        Taint(each["key"], each.get("value") or "", _EFFECTS[each["effect"]])
        for each in node_group.get("taints") or ()
        if each.get("key") and each.get("effect") in _EFFECTS
    ]
    return Declared(dict(node_group.get("labels") or {}), tuple(taints))
