"""What changes stacks: from CreateStack over UpdateStack to DeleteStack."""

from typing import Any

from addons.sim.aws.cloudformation.changes import has_changes
from addons.sim.aws.cloudformation.errors import (
    invalid,
    no_stack_to_change,
    violates,
    wrong_state,
)
from addons.sim.aws.cloudformation.model import Stack, Wish
from addons.sim.aws.cloudformation.state import CloudFormation
from addons.sim.aws.cloudformation.wishes import check_name, read_wish
from addons.sim.aws.errors import Refusal

Call = dict[str, Any]
_ON_FAILURE = ("DO_NOTHING", "ROLLBACK", "DELETE")
_UPDATABLE = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"),
    "IMPORT_COMPLETE",
)
_NOT_DELETABLE = (
    *("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
)


def create_stack(service: CloudFormation, call: Call) -> Call:
    """Make a stack; its resources come in a while."""
    name = call["StackName"]
    check_name(name)
    on_failure = call.get("OnFailure", "ROLLBACK")
    if on_failure not in _ON_FAILURE:
        raise violates("onFailure", on_failure, f"satisfy enum value set: [{', '.join(_ON_FAILURE)}]")
    if "OnFailure" in call and "DisableRollback" in call:
        raise invalid("You cannot specify both OnFailure and DisableRollback")
    if call.get("DisableRollback"):
        on_failure = "DO_NOTHING"
    if service.account.find(name) is not None:
        raise Refusal("AlreadyExistsException", f"Stack [{name}] already exists")
    stack = new_stack(service, name, read_wish(call, service.kinds))
    stack.on_failure, stack.is_protected = on_failure, call.get("EnableTerminationProtection", False)
    stack.token = call.get("ClientRequestToken", "")
    service.account.work_on(stack, service.deployment.create(stack))
    return {"StackId": stack.id}


def new_stack(service: CloudFormation, name: str, wish: Wish) -> Stack:
    """Put a stack without resources down. Raises LimitExceededException."""
    account = service.account
    if sum(not each.is_gone for each in account.stacks.values()) >= account.knobs.most_stacks:
        raise Refusal("LimitExceededException", "Limit for stacks has been exceeded")
    stack = Stack(account.new_arn(f"stack/{name}"), name, account.agenda.time(), wish)
    account.stacks[stack.id] = stack
    return stack


def stack_to_update(service: CloudFormation, name: str) -> Stack:
    """Give a stack that may be updated now. Raises ValidationError."""
    stack = service.account.find(name)
    if stack is None:
        raise no_stack_to_change(name)
    if stack.status not in _UPDATABLE:
        raise wrong_state(stack.id, stack.status)
    return stack


def read_update(service: CloudFormation, stack: Stack, call: Call) -> Wish:
    """Give what an update asks for; a resource keeps its type."""
    wish = read_wish(call, service.kinds, stack.wish)
    old = stack.wish.template.resources
    resources = wish.template.resources
    if other := [id_ for id_, each in resources.items() if id_ in old and old[id_].type != each.type]:
        raise invalid(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            f"following resources: [{', '.join(other)}]"
        )
    return wish


def update_stack(service: CloudFormation, call: Call) -> Call:
    """Bring a stack to what is asked for; one that is like that already is refused."""
    stack = stack_to_update(service, call["StackName"])
    wish = read_update(service, stack, call)
    if not has_changes(stack, wish, service.kinds):
        raise invalid("No updates are to be performed.")
    for each in service.account.change_sets.values():
        if each.stack_id == stack.id and each.execution == "AVAILABLE":
            each.execution = "OBSOLETE"
    stack.token = call.get("ClientRequestToken", "")
    work = service.deployment.update(stack, wish, keeps_failed=call.get("DisableRollback", False))
    service.account.work_on(stack, work)
    return {"StackId": stack.id}


def delete_stack(service: CloudFormation, call: Call) -> Call:
    """Delete a stack with its resources; one that is not there is fine."""
    account = service.account
    stack = account.find(call["StackName"])
    if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return {}
    if stack.is_protected:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status in _NOT_DELETABLE:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    retain = frozenset(call.get("RetainResources", ()))
    if retain and stack.status != "DELETE_FAILED":
        raise invalid(
            "Invalid operation on stack. RetainResources is only valid for stacks in the DELETE_FAILED state"
        )
    if unknown := sorted(retain - stack.resources.keys()):
        raise invalid(f"Resources [{', '.join(unknown)}] do not exist in the stack")
    account.change_sets = {
        id_: each for id_, each in account.change_sets.items() if each.stack_id != stack.id
    }
    stack.token = call.get("ClientRequestToken", "")
    account.work_on(stack, service.deployment.delete(stack, retain=retain))
    return {}


def continue_update_rollback(service: CloudFormation, call: Call) -> Call:
    """Let a rollback go on that could not be carried through."""
    stack = service.account.find(call["StackName"])
    if stack is None:
        raise no_stack_to_change(call["StackName"])
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise invalid(
            f"Stack:{stack.id} is in {stack.status} state and can not continue rolling back an update."
        )
    service.account.work_on(stack, service.deployment.go_back(stack))
    return {}


def update_termination_protection(service: CloudFormation, call: Call) -> Call:
    """Protect a stack from deletion, or no longer."""
    stack = service.account.find(call["StackName"])
    if stack is None or stack.is_gone:
        raise no_stack_to_change(call["StackName"])
    stack.is_protected = call["EnableTerminationProtection"]
    return {"StackId": stack.id}
