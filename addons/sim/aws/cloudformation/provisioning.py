"""One resource of a stack: made, changed in place, replaced or deleted, with its events."""

from collections.abc import Iterator, Mapping
from typing import Any

from addons.sim.aws.autoscaling.errors import AutoScalingError
from addons.sim.aws.cloudformation.account import Account
from addons.sim.aws.cloudformation.errors import HandlerFailed, ResourceFailed, handler_message
from addons.sim.aws.cloudformation.kinds.kind import Kind, Request
from addons.sim.aws.cloudformation.model import Declared, Resource, Stack, Wish
from addons.sim.aws.cloudformation.scopes import scope_of
from addons.sim.aws.cloudformation.values import resolve
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.errors import Refusal

_FAILURES = (AutoScalingError, Ec2Error, HandlerFailed, Refusal)


class Provisioner:
    """Carries out what stacks want of their resources; each step may be made to fail by an order."""

    def __init__(self, account: Account, kinds: Mapping[str, Kind]) -> None:
        self._account = account
        self.kinds = kinds

    def properties(self, stack: Stack, wish: Wish, declared: Declared) -> dict[str, Any]:
        """What the properties of a resource are, with what the others are now."""
        found: dict[str, Any] = resolve(declared.properties, scope_of(stack, wish, stack.resources))
        return found

    def create(self, stack: Stack, wish: Wish, declared: Declared) -> Iterator[float]:
        """Make a resource; it stands in the stack before it is usable. Raises `ResourceFailed`."""
        account, kind, id_ = self._account, self.kinds[declared.type], declared.logical_id
        resource = Resource(id_, declared.type, account.agenda.time(), account.new_number(), tags=wish.tags)
        stack.resources[id_] = resource
        account.set_resource(stack, resource, "CREATE_IN_PROGRESS")
        yield account.knobs.resource_seconds
        try:
            self._meet_order(stack, id_, "create")
            resource.properties = self.properties(stack, wish, declared)
            kind.check(id_, resource.properties)
            resource.physical_id = kind.create(self._request(stack, wish, declared, resource.properties))
            account.set_resource(stack, resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
            yield from kind.stabilize(resource.physical_id)
        except _FAILURES as error:
            raise self._failed(stack, resource, "create", error) from None
        resource.attributes = kind.read(resource.physical_id)
        account.set_resource(stack, resource, "CREATE_COMPLETE")

    def update(self, stack: Stack, wish: Wish, declared: Declared, new: dict[str, Any]) -> Iterator[float]:
        """Change a resource in place. Raises `ResourceFailed`."""
        account, kind, id_ = self._account, self.kinds[declared.type], declared.logical_id
        resource = stack.resources[id_]
        before = Request(stack.id, stack.name, id_, resource.properties, resource.tags, "")
        account.set_resource(stack, resource, "UPDATE_IN_PROGRESS")
        yield account.knobs.resource_seconds
        try:
            self._meet_order(stack, id_, "update")
            kind.check(id_, new)
            kind.update(resource.physical_id, before, self._request(stack, wish, declared, new))
            resource.attributes = kind.read(resource.physical_id)
        except _FAILURES as error:
            raise self._failed(stack, resource, "update", error) from None
        resource.properties, resource.tags = new, wish.tags
        account.set_resource(stack, resource, "UPDATE_COMPLETE")

    def replace(self, stack: Stack, wish: Wish, declared: Declared, new: dict[str, Any]) -> Iterator[float]:
        """Make a resource anew beside the old one. Raises `ResourceFailed`."""
        account, kind, id_ = self._account, self.kinds[declared.type], declared.logical_id
        old = stack.resources[id_]
        reason = "Requested update requires the creation of a new physical resource; hence creating one."
        resource = Resource(id_, declared.type, account.agenda.time(), account.new_number(), tags=wish.tags)
        stack.resources[id_] = resource
        account.set_resource(stack, resource, "UPDATE_IN_PROGRESS", reason)
        yield account.knobs.resource_seconds
        try:
            self._meet_order(stack, id_, "update")
            kind.check(id_, new)
            name = new.get(kind.identity[-1])
            if name is not None and all(new[each] == old.properties.get(each) for each in kind.identity):
                raise HandlerFailed(
                    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                    f"Rename {name} and update the stack again."
                )
            resource.properties = new
            resource.physical_id = kind.create(self._request(stack, wish, declared, new))
            account.set_resource(stack, resource, "UPDATE_IN_PROGRESS", "Resource creation Initiated")
            yield from kind.stabilize(resource.physical_id)
        except _FAILURES as error:
            raise self._failed(stack, resource, "update", error) from None
        resource.attributes = kind.read(resource.physical_id)
        account.set_resource(stack, resource, "UPDATE_COMPLETE")

    def delete(self, stack: Stack, resource: Resource) -> Iterator[float]:
        """Delete a resource. Raises `ResourceFailed`."""
        account, kind = self._account, self.kinds[resource.type]
        account.set_resource(stack, resource, "DELETE_IN_PROGRESS")
        yield account.knobs.resource_seconds
        try:
            self._meet_order(stack, resource.logical_id, "delete")
            if resource.physical_id:
                yield from kind.delete(resource.physical_id, resource.properties)
        except _FAILURES as error:
            raise self._failed(stack, resource, "delete", error) from None
        account.set_resource(stack, resource, "DELETE_COMPLETE")

    def skip(self, stack: Stack, resource: Resource) -> None:
        """Leave a resource to the account, as its policy or the caller says."""
        self._account.set_resource(stack, resource, "DELETE_SKIPPED")

    def _request(self, stack: Stack, wish: Wish, declared: Declared, properties: dict[str, Any]) -> Request:
        return Request(
            stack.id,
            stack.name,
            declared.logical_id,
            properties,
            wish.tags,
            self._account.new_suffix(),
            declared.keeps_sizes,
        )

    def _meet_order(self, stack: Stack, logical_id: str, verb: str) -> None:
        message = self._account.take_order(stack, logical_id, verb)
        if message is not None:
            raise HandlerFailed(message)

    def _failed(self, stack: Stack, resource: Resource, verb: str, error: Exception) -> ResourceFailed:
        reason = str(error)
        if isinstance(error, AutoScalingError):
            reason = handler_message("AutoScaling", error.code, error.message, error.status)
        elif isinstance(error, Ec2Error):
            reason = handler_message("Ec2", error.code, error.message, error.status)
        elif isinstance(error, Refusal):
            reason = error.message
        self._account.set_resource(stack, resource, f"{verb.upper()}_FAILED", reason)
        return ResourceFailed(resource.logical_id, verb, reason)
