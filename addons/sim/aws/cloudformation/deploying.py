"""What is done to whole stacks: made, updated, taken back when something fails, deleted."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from copy import copy

from addons.sim.aws.cloudformation.account import Account
from addons.sim.aws.cloudformation.changes import property_changes
from addons.sim.aws.cloudformation.errors import ResourceFailed
from addons.sim.aws.cloudformation.model import Resource, Stack, Undoing, Wish
from addons.sim.aws.cloudformation.provisioning import Provisioner
from addons.sim.aws.cloudformation.scopes import outputs_of
from addons.sim.aws.cloudformation.template import needed_by

Work = Iterator[float]


class Deployment:
    """Work for `Account.work_on`: each method yields how many seconds to wait before it goes on."""

    def __init__(self, account: Account, provisioner: Provisioner) -> None:
        self._account = account
        self._provisioner = provisioner

    def create(self, stack: Stack) -> Work:
        """Make everything; when something fails take it back, delete the stack, or leave it, as it says."""
        set_stack, wish = self._account.set_stack, stack.wish
        set_stack(stack, "CREATE_IN_PROGRESS", "User Initiated")
        try:
            for id_ in wish.template.order:
                yield from self._provisioner.create(stack, wish, wish.template.resources[id_])
        except ResourceFailed as failure:
            reason = f"The following resource(s) failed to create: [{failure.logical_id}]. "
            if stack.on_failure == "DO_NOTHING":
                set_stack(stack, "CREATE_FAILED", reason)
            elif stack.on_failure == "DELETE":
                yield from self.delete(stack, reason=f"{reason}Delete requested by user.")
            else:
                set_stack(stack, "ROLLBACK_IN_PROGRESS", f"{reason}Rollback requested by user.")
                yield from self._remove_all(stack, "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", frozenset())
            return
        stack.outputs = outputs_of(stack, wish)
        set_stack(stack, "CREATE_COMPLETE")

    def delete(
        self, stack: Stack, *, retain: AbstractSet[str] = frozenset(), reason: str = "User Initiated"
    ) -> Work:
        """Delete everything but what is retained, the dependent first."""
        self._account.set_stack(stack, "DELETE_IN_PROGRESS", reason)
        yield from self._remove_all(stack, "DELETE_COMPLETE", "DELETE_FAILED", retain)
        if stack.status == "DELETE_COMPLETE":
            stack.deleted = self._account.agenda.time()

    def _remove_all(self, stack: Stack, complete: str, failed: str, retain: AbstractSet[str]) -> Work:
        template = stack.wish.template
        stuck: set[str] = set()
        kept = frozenset(stack.resources) - frozenset(template.order)
        for id_ in [*sorted(kept), *reversed(template.order)]:
            resource = stack.resources.get(id_)
            if resource is None or resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                continue
            if id_ in set(needed_by(template, stuck)):
                stuck.add(id_)
                continue
            declared = template.resources.get(id_)
            if id_ in retain or (declared and declared.deletion_policy == "Retain"):
                self._provisioner.skip(stack, resource)
                continue
            try:
                yield from self._provisioner.delete(stack, resource)
            except ResourceFailed:
                stuck.add(id_)
        names = [id_ for id_ in stuck if stack.resources[id_].status == "DELETE_FAILED"]
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(names))}]. "
        self._account.set_stack(stack, failed if names else complete, reason if names else "")

    def update(self, stack: Stack, wish: Wish, *, keeps_failed: bool = False) -> Work:
        """Bring a stack to a wish; when something fails, back to how it was, or with `keeps_failed` not."""
        stack.updated = self._account.agenda.time()
        self._account.set_stack(stack, "UPDATE_IN_PROGRESS", "User Initiated")
        before = {id_: copy(each) for id_, each in stack.resources.items()}
        touched: set[str] = set()
        try:
            for id_ in wish.template.order:
                yield from self._bring(stack, wish, id_, touched)
        except ResourceFailed as failure:
            reason = f"The following resource(s) failed to {failure.verb}: [{failure.logical_id}]. "
            if keeps_failed:
                self._account.set_stack(stack, "UPDATE_FAILED", reason)
                return
            stack.undoing = Undoing(before, touched)
            yield from self.go_back(stack, reason)
            return
        old, stack.wish = stack.wish, wish
        stack.outputs = outputs_of(stack, wish)
        yield from self._clean(stack, old, before)

    def _bring(self, stack: Stack, wish: Wish, id_: str, touched: set[str]) -> Work:
        """Make, change, replace or leave one resource."""
        declared = wish.template.resources[id_]
        there = stack.resources.get(id_)
        if there is None or there.type != declared.type or not there.physical_id:
            touched.add(id_)
            yield from self._provisioner.create(stack, wish, declared)
            return
        new = self._provisioner.properties(stack, wish, declared)
        kind = self._provisioner.kinds[declared.type]
        changed = property_changes(there.properties, new)
        if any(kind.properties.get(name) == "Always" for name in changed):
            touched.add(id_)
            yield from self._provisioner.replace(stack, wish, declared, new)
        elif changed or (kind.is_taggable and dict(there.tags) != dict(wish.tags)):
            touched.add(id_)
            yield from self._provisioner.update(stack, wish, declared, new)

    def go_back(self, stack: Stack, reason: str = "") -> Work:
        """Bring a stack back to how it was before an update; what was touched is changed once more."""
        undoing, wish = stack.undoing, stack.wish
        assert undoing is not None, "nothing to go back from"
        self._account.set_stack(stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
        made = [
            each
            for id_, each in stack.resources.items()
            if id_ not in undoing.before or each.number != undoing.before[id_].number
        ]
        try:
            for id_ in wish.template.order:
                old = undoing.before.get(id_)
                if old is not None and id_ in undoing.touched:
                    yield from self._bring_back(stack, wish, id_, old)
        except ResourceFailed as failure:
            reason = f"The following resource(s) failed to update: [{failure.logical_id}]. "
            self._account.set_stack(stack, "UPDATE_ROLLBACK_FAILED", reason)
            return
        stack.undoing = None
        for each in made:
            if each.logical_id not in undoing.before:
                del stack.resources[each.logical_id]
        yield from self._finish(stack, "UPDATE_ROLLBACK_COMPLETE", list(reversed(made)))

    def _bring_back(self, stack: Stack, wish: Wish, id_: str, old: Resource) -> Work:
        if stack.resources[id_].number != old.number:
            stack.resources[id_] = old
            return
        declared = wish.template.resources[id_]
        yield from self._provisioner.update(
            stack, wish, declared, self._provisioner.properties(stack, wish, declared)
        )

    def _clean(self, stack: Stack, old: Wish, before: Mapping[str, Resource]) -> Work:
        """Delete what an update has replaced or dropped, the newest first, but for what is to be retained."""
        kept, leaving = stack.wish.template.resources, []
        for id_ in reversed(old.template.order):
            resource, declared = before.get(id_), old.template.resources[id_]
            if resource is None:
                continue
            if id_ not in kept:
                del stack.resources[id_]
                policy = declared.deletion_policy
            elif stack.resources[id_].number != resource.number:
                policy = declared.replace_policy
            else:
                continue
            if policy == "Retain":
                self._provisioner.skip(stack, resource)
            else:
                leaving.append(resource)
        yield from self._finish(stack, "UPDATE_COMPLETE", leaving)

    def _finish(self, stack: Stack, complete: str, leaving: list[Resource]) -> Work:
        """Delete resources; the stack is complete even if one of them has to be left behind."""
        self._account.set_stack(stack, f"{complete}_CLEANUP_IN_PROGRESS")
        reason = ""
        for resource in leaving:
            if resource.physical_id:
                try:
                    yield from self._provisioner.delete(stack, resource)
                except ResourceFailed:
                    reason = "Update successful. One or more resources could not be deleted."
        self._account.set_stack(stack, complete, reason)
