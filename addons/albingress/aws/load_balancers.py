"""The load balancers of the cluster with all that belongs to them: seen from memory, and kept true."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from addons.albingress.aws.apply import announce, make
from addons.albingress.aws.applying.work import Door
from addons.albingress.aws.calls import AUDIT_RATE
from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.execution import Result, carry_out
from addons.albingress.aws.loading import Loading
from addons.albingress.aws.network import Network
from addons.albingress.aws.ownership import Ownership
from addons.albingress.aws.reading import Reading
from addons.albingress.aws.recent import Recent, now
from addons.albingress.aws.snapshot import SHARED, Snapshot, group_of, id_of
from addons.albingress.aws.translate.balancers import load_balancer_from_api
from addons.albingress.aws.waf import WebAcls
from addons.albingress.model.actions import AwsAction
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, TargetGroup
from addons.albingress.model.groups import GroupId
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Bucket, Rate
from addons.runtime.clock import utc_now
from addons.runtime.errors import Conflict, NotFound, Unavailable
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0

_UNEXPECTED = (NotFound, Conflict, Unavailable)
"""What says that AWS is, or may be, another than we think."""


class LoadBalancers:
    """What AWS has of each ingress group, and the one way to change it.

    All is read when something is first asked for; then observing makes no call until an answer of AWS does
    not fit, which has that group alone read again. `audit` does so for no reason, slowly.
    """

    def __init__(
        self,
        aws: AwsSession,
        network: Network,
        *,
        cluster: str,
        uses_tagging_api: bool = True,
        audit_rate: Rate = AUDIT_RATE,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._network = network
        self._cluster = cluster
        self._clock = clock
        slowly = Bucket(audit_rate)
        self._reading = Reading(aws, cluster)
        self._loading = Loading(self._reading, cluster=cluster, uses_index=uses_tagging_api)
        audits = Reading(aws, cluster, pace=slowly.take)
        self._auditing = Loading(audits, cluster=cluster, uses_index=uses_tagging_api)
        self._audits = audits
        self.snapshot = Snapshot(cluster)
        self._recent = Recent()
        self._door = Door(
            aws=aws,
            snapshot=self.snapshot,
            reading=self._reading,
            network=network,
            ownership=Ownership(self._reading, cluster),
            recent=self._recent,
            web_acls=WebAcls(aws),
            endpoint_groups=EndpointGroups(aws, network),
        )
        self._doubtful: set[str] = set()
        self._load: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")

    async def observe(self, group: GroupId) -> ObservedStack:
        """What AWS has of a group; the very same value as before where nothing has changed.

        Raises OutsideError when it must be read and cannot be.
        """
        await self._loaded()
        if str(group) in self._doubtful:
            await self._read_again(self._loading, str(group))
        if any(each.state == "provisioning" for each in self.snapshot.stack(group).load_balancers):
            await self._look_at_new()
        return self.snapshot.stack(group)

    async def _look_at_new(self) -> None:
        """Ask for the state of all that were not active yet, some time after it was asked for last."""
        if now() < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = now()
        waiting = [each.arn for each in self.snapshot.all(LoadBalancer) if each.state == "provisioning"]
        for item in await self._reading.load_balancers(waiting):
            seen = load_balancer_from_api(item)
            self.snapshot.amend(seen.arn, state=seen.state)

    async def groups(self) -> tuple[GroupId, ...]:
        """The groups of which AWS has anything, those without an Ingress among them. Raises OutsideError."""
        await self._loaded()
        return tuple(map(group_of, self.snapshot.stacks()))

    async def read_more(
        self, group: GroupId, *, attributes_of: Collection[str] = (), web_acl: bool = False
    ) -> ObservedStack:
        """Read what is not read otherwise, and not yet: attributes of these ARNs, web ACLs of load balancers.

        Raises OutsideError.
        """
        await self._loaded()
        unread = (arn for arn in sorted(attributes_of) if self.snapshot.attributes(arn) is None)
        await asyncio.gather(*(self._read_attributes(self._reading, arn) for arn in unread))
        if web_acl:
            for balancer in self.snapshot.stack(group).load_balancers:
                if balancer.web_acl is None:
                    found = await self._door.web_acls.of(balancer.arn)
                    self.snapshot.amend(balancer.arn, web_acl=found)
        return self.snapshot.stack(group)

    async def audit(self, group: GroupId, *, attributes_of: Collection[str] = ()) -> bool:
        """Read a group again, slowly, with these attributes; True when AWS was not as remembered.

        Raises OutsideError.
        """
        await self._loaded()
        before = self.snapshot.stack(group)
        await self._read_again(self._auditing, str(group))
        for arn in sorted(attributes_of):
            await self._read_attributes(self._audits, arn)
        is_drift = self.snapshot.stack(group) != before
        if is_drift:
            log.info("%s: AWS was not as it was left", group)
        return is_drift

    async def discover(self) -> tuple[GroupId, ...]:
        """Read everything again; the groups of which something is there that was not known.

        Raises OutsideError.
        """
        known = set(await self.groups())
        things = await self._auditing.everything(await self._network.vpc_id())
        for thing in things:
            if self.snapshot.stack_of(id_of(thing)) == "":
                self.snapshot.put(thing)
        return tuple(group for group in await self.groups() if group not in known)

    def arn_of(self, target_group: str) -> str:
        """The ARN of a target group of ours by its name; an ARN is one already. Raises NotFound."""
        if target_group.startswith("arn:"):
            return target_group
        found = self.snapshot.named(TargetGroup, target_group)
        if found is None:
            raise NotFound(f"target group {target_group} is not there", code="TargetGroupNotFound")
        return found.arn

    def doubt(self, group: GroupId) -> None:
        """Have a group read again before it is observed next."""
        self._doubtful.add(str(group))

    def forget(self) -> None:
        """Have everything read again: somebody else may have acted meanwhile, as the leader for instance."""
        self._load = None
        self._network.forget()

    async def apply(self, group: GroupId, actions: Sequence[AwsAction], permit: Permit) -> list[Result]:
        """Carry out the actions of a plan for a group; give what became of each, in their order.

        Never raises OutsideError: an Outcome has it, and what waited for that action is a Skip.
        """
        await self._loaded()
        announce(self._door, actions)

        async def act(action: AwsAction) -> None:
            try:
                await make(self._door, str(group), action, permit)
            except _UNEXPECTED as error:
                self.doubt(group)
                if isinstance(error, NotFound):
                    self._recent.doubt(self._all_of(str(group)))
                raise

        return await carry_out(actions, act, permit, now=self._clock)

    async def _loaded(self) -> None:
        """Read all at first. Those who ask meanwhile share what comes of it."""
        if self._load is None or (self._load.done() and not _succeeded(self._load)):
            self._load = asyncio.get_running_loop().create_task(self._read_all())
            self._load.add_done_callback(_succeeded)  # nobody may be left to look at its error
        await asyncio.shield(self._load)

    async def _read_all(self) -> None:
        vpc_id, groups_of_vpc = await self._network.vpc_id(), self._network.all_security_groups
        things = await self._loading.everything(vpc_id, groups_of_vpc)
        self.snapshot.clear()
        self._doubtful.clear()
        for thing in things:
            self.snapshot.put(thing)

    async def _read_again(self, loading: Loading, stack: str) -> None:
        known = [arn for arn in self.snapshot.members(stack) if arn.startswith("arn:")]
        self._doubtful.discard(stack)
        started, is_read = now(), False
        try:
            things = await loading.stack(stack, known, self.snapshot.name_of)
            is_read = True
        finally:
            if not is_read:
                self._doubtful.add(stack)
        found = {id_of(thing) for thing in things}
        for arn in self._all_of(stack):
            if arn not in found and not self._recent.is_new([arn]):
                self.snapshot.drop(arn)
        for thing in things:
            arn = id_of(thing)
            if not self._recent.changed_since(arn, started) and not self._recent.is_gone(arn):
                self.snapshot.refresh(thing)

    def _all_of(self, stack: str) -> tuple[str, ...]:
        members = self.snapshot.members(stack)
        below = (arn for member in members for arn in self.snapshot.below(member))
        return (*members, *below, *self.snapshot.members(SHARED))

    async def _read_attributes(self, reading: Reading, arn: str) -> None:
        thing = self.snapshot.get(arn)
        if isinstance(thing, LoadBalancer):
            attributes = await reading.attributes("load_balancer", LoadBalancerArn=arn)
        elif isinstance(thing, TargetGroup):
            attributes = await reading.attributes("target_group", TargetGroupArn=arn)
        elif isinstance(thing, Listener):
            attributes = await reading.attributes("listener", ListenerArn=arn)
        else:
            return
        self.snapshot.amend(arn, attributes=attributes)


def _succeeded(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is None
