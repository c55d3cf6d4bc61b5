"""What a group does by itself: launch what is missing, end what is too much, replace what is lost."""

from collections import Counter
from datetime import timedelta

from addons.sim.aws.autoscaling.account import Account
from addons.sim.aws.autoscaling.failures import LaunchError
from addons.sim.aws.autoscaling.launcher import Launcher
from addons.sim.aws.autoscaling.model import LAUNCHING, TERMINATING, Activity, Group, Hook, Member, Waiting
from addons.sim.aws.autoscaling.notices import Notices
from addons.sim.aws.ec2.model import Instance, Subnet

_LIFECYCLE_NOTE = "was taken out of service in response to"


class Actuator:
    """Acts on the agenda of EC2, whose clock it has; a group that was changed is looked at soon."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._agenda = account.ec2.agenda
        self._launcher = Launcher(account)
        self.notices = Notices(account)
        self._due: set[str] = set()
        self._looking: set[str] = set()
        self._again: set[str] = set()
        self._resting: set[str] = set()
        self._retries: Counter[str] = Counter()
        account.ec2.instances.watchers.append(self._heed)

    def look_soon(self, group: Group) -> None:
        """Look in a while at a group that somebody has changed, even if it rests."""
        self._resting.discard(group.name)
        self._look_soon(group)

    def _look_soon(self, group: Group) -> None:
        if group.name not in self._due:
            self._due.add(group.name)
            self._agenda.after(self._account.knobs.react_seconds, lambda: self._look(group))

    def _look_again_later(self, group: Group) -> None:
        """Let a group rest before it tries again; only the last such order counts."""
        self._resting.add(group.name)
        self._retries[group.name] += 1
        number = self._retries[group.name]

        def happen() -> None:
            if self._retries[group.name] == number:
                self._resting.discard(group.name)
                self._look(group)

        self._agenda.after(self._account.knobs.retry_seconds, happen)

    def _look(self, group: Group) -> None:
        """Look at a group; what happens meanwhile is looked at afterwards, in turn."""
        self._due.discard(group.name)
        self._again.add(group.name)
        if group.name in self._looking:
            return
        self._looking.add(group.name)
        try:
            while group.name in self._again and not group.is_deleted:
                self._again.discard(group.name)
                self._act(group)
        finally:
            self._looking.discard(group.name)

    def _act(self, group: Group) -> None:
        self._replace_unhealthy(group)
        missing = group.desired - group.capacity
        if missing > 0:
            if "Launch" not in group.suspended and group.name not in self._resting:
                self._grow(group)
        elif missing < 0 and "Terminate" not in group.suspended:
            self._shrink(group)
        elif not missing:
            self._rebalance_later(group)

    def _grow(self, group: Group) -> None:
        """Launch until nothing is missing, or every zone has failed once; then try again later."""
        failed: set[str] = set()
        start = group.capacity
        while group.capacity < group.desired:
            subnets = [each for each in self._launcher.zones(group) if each.zone not in failed]
            if not subnets:
                self._look_again_later(group)
                return
            cause = (
                f"At {self._now_text()} an instance was started in response to a difference between desired "
                f"and actual capacity, increasing the capacity from {start} to {group.desired}."
            )
            if not self._launch(group, subnets[0], cause):
                failed.add(subnets[0].zone)

    def _launch(self, group: Group, subnet: Subnet, cause: str) -> bool:
        activity = self._note(group, "Launching a new EC2 instance", cause, subnet.zone, subnet.id)
        try:
            member = self._launcher.launch(group, subnet)
        except LaunchError as error:
            activity.description += f".  Status Reason: {error}"
            self._end_activity(activity, "Failed", str(error))
            return False
        activity.description = f"Launching a new EC2 instance: {member.id}"
        activity.progress = 30
        member.activity = activity
        member.is_protected = group.protects_new
        group.members[member.id] = member
        seconds = self._account.launch_seconds_of.get(group.name, self._account.knobs.launch_seconds)
        self._agenda.after(seconds, lambda: self._launched(group, member))
        return True

    def _launched(self, group: Group, member: Member) -> None:
        if member.state != "Pending":
            return
        if hook := group.hook_of(LAUNCHING):
            self._wait(group, member, hook, "Pending:Wait")
        else:
            self._in_service(group, member)

    def _in_service(self, group: Group, member: Member) -> None:
        member.state = "InService"
        self._end_activity(member.activity, "Successful")
        self._look_soon(group)

    def _shrink(self, group: Group) -> None:
        """End what is too much: in the zone that has most, the oldest first, nothing that is protected.

        An instance that counts for more than what is too much stays.
        """
        start = group.capacity
        while group.capacity > group.desired:
            there = Counter(member.zone for member in group.members.values() if not member.is_leaving)
            surplus = group.capacity - group.desired
            free = [
                each
                for each in group.members.values()
                if not each.is_leaving and not each.is_protected and each.weight <= surplus
            ]
            if not free:
                return
            chosen = max(free, key=lambda each: there[each.zone])
            self.terminate(
                group,
                chosen,
                f"At {self._now_text()} an instance {_LIFECYCLE_NOTE} a difference between desired and "
                f"actual capacity, shrinking the capacity from {start} to {group.desired}.",
            )

    def terminate(self, group: Group, member: Member, cause: str) -> Activity:
        """Begin to end an instance; it waits at a hook for its end if the group has one."""
        self._end_activity(member.activity, "Cancelled")
        activity = self._note(
            group, f"Terminating EC2 instance: {member.id}", cause, member.zone, member.subnet_id
        )
        member.activity = activity
        hook = group.hook_of(TERMINATING)
        if hook and not self._is_gone(member):
            self._wait(group, member, hook, "Terminating:Wait")
        else:
            self._terminate_now(group, member)
        self._look_soon(group)
        return activity

    def _terminate_now(self, group: Group, member: Member) -> None:
        member.state = "Terminating"
        member.waiting = None
        if not self._is_gone(member):
            self._account.ec2.instances.terminate(member.id)
        self._agenda.after(self._account.knobs.terminate_seconds, lambda: self._terminated(group, member))

    def _terminated(self, group: Group, member: Member) -> None:
        group.members.pop(member.id, None)
        member.state = "Terminated"
        self._end_activity(member.activity, "Successful")
        self._look_soon(group)

    def _wait(self, group: Group, member: Member, hook: Hook, state: str) -> None:
        member.state = state
        latest = self._agenda.time() + timedelta(seconds=hook.global_seconds)
        member.waiting = Waiting(hook, self._account.new_uuid(), latest)
        self.notices.lifecycle_action(group, member, hook, member.waiting.token)
        self._time_out(group, member, member.waiting)

    def beat(self, group: Group, member: Member) -> None:
        """Let an instance wait at its hook for as long as at the beginning, but not for ever."""
        assert member.waiting is not None
        member.waiting.turn += 1
        self._time_out(group, member, member.waiting)

    def _time_out(self, group: Group, member: Member, waiting: Waiting) -> None:
        turn = waiting.turn
        left = (waiting.until_at_most - self._agenda.time()).total_seconds()

        def happen() -> None:
            if member.waiting is waiting and waiting.turn == turn:
                self.go_on(group, member, waiting.hook.default_result)

        self._agenda.after(min(waiting.hook.heartbeat_seconds, left), happen)

    def go_on(self, group: Group, member: Member, result: str) -> None:
        """End the wait at a hook: CONTINUE or ABANDON. An instance that leaves does so either way."""
        is_launch = member.state.startswith("Pending")
        member.waiting = None
        if not is_launch:
            self._terminate_now(group, member)
        elif result == "CONTINUE":
            self._in_service(group, member)
        else:
            self._end_activity(member.activity, "Cancelled", "Lifecycle action was abandoned")
            member.activity = None
            self.terminate(group, member, f"At {self._now_text()} a lifecycle action was abandoned.")

    def _replace_unhealthy(self, group: Group) -> None:
        if "ReplaceUnhealthy" in group.suspended or "Terminate" in group.suspended:
            return
        for member in [each for each in group.members.values() if not each.is_leaving]:
            if not member.is_healthy and not member.state.startswith("Pending"):
                why = "an EC2 health check indicating it has been terminated or stopped"
                if not self._is_gone(member):
                    why = "a user health-check"
                cause = f"At {self._now_text()} an instance {_LIFECYCLE_NOTE} {why}."
                self.terminate(group, member, cause)

    def _heed(self, instance: Instance) -> None:
        """An instance of a group that somebody else ended is not healthy any more."""
        self.notices.state_change(instance.id, instance.state)
        found = self._account.find(instance.id)
        if found is None or instance.state not in ("shutting-down", "terminated"):
            return
        group, member = found
        if not member.is_leaving:
            member.is_healthy = False
            if member.state.startswith("Pending"):
                member.state = "InService"
            if "HealthCheck" not in group.suspended:
                self._look_soon(group)

    def _rebalance_later(self, group: Group) -> None:
        if self._is_uneven(group):
            self._agenda.after(self._account.knobs.rebalance_seconds, lambda: self._rebalance(group))

    def _rebalance(self, group: Group) -> None:
        """Launch where there are fewest, then end where there are most: as AZRebalance does it."""
        is_quiet = all(member.state == "InService" for member in group.members.values())
        if group.is_deleted or not is_quiet or not self._is_uneven(group):
            return
        subnet = self._launcher.zones(group)[0]
        zones = ", ".join(sorted(self._zones(group)))
        cause = f"At {self._now_text()} instances were not balanced in zones {zones}."
        if group.capacity == group.desired:
            self._launch(group, subnet, cause)

    def _is_uneven(self, group: Group) -> bool:
        there = self._zones(group)
        stopped = {"AZRebalance", "Launch", "Terminate"} & group.suspended.keys()
        return not stopped and bool(there) and max(there.values()) - min(there.values()) > 1

    def _zones(self, group: Group) -> dict[str, int]:
        there = Counter(member.zone for member in group.members.values() if not member.is_leaving)
        return {subnet.zone: there[subnet.zone] for subnet in self._launcher.zones(group)}

    def _is_gone(self, member: Member) -> bool:
        instance = self._account.ec2.account.instances.get(member.id)
        return instance is None or instance.state in ("shutting-down", "terminated")

    def _note(self, group: Group, description: str, cause: str, zone: str, subnet_id: str) -> Activity:
        now = self._agenda.time()
        id_ = self._account.new_uuid()
        activity = Activity(id_, group.name, description, cause, now, zone, subnet_id)
        self._account.activities.append(activity)
        return activity

    def _end_activity(self, activity: Activity | None, status: str, message: str = "") -> None:
        if activity is not None and activity.status == "InProgress":
            activity.status, activity.message = status, message
            activity.ended = self._agenda.time()
            activity.progress = 100

    def _now_text(self) -> str:
        return self._agenda.time().strftime("%Y-%m-%dT%H:%M:%SZ")
