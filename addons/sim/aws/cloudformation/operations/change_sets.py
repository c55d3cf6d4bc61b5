"""Change sets: made, described, executed, deleted."""

from collections.abc import Iterator
from typing import Any

from addons.sim.aws.cloudformation.changes import changes_of, has_changes
from addons.sim.aws.cloudformation.errors import invalid, no_change_set, no_stack_to_change, violates
from addons.sim.aws.cloudformation.model import ChangeSet, Stack, Wish
from addons.sim.aws.cloudformation.operations.shapes import change_set_shape, change_set_summary_shape
from addons.sim.aws.cloudformation.operations.stacks import new_stack, read_update, stack_to_update
from addons.sim.aws.cloudformation.paging import page
from addons.sim.aws.cloudformation.state import CloudFormation
from addons.sim.aws.cloudformation.template import empty_template
from addons.sim.aws.cloudformation.wishes import check_name, read_wish
from addons.sim.aws.errors import Refusal

Call = dict[str, Any]
_NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def create_change_set(service: CloudFormation, call: Call) -> Call:
    """Make a change set for a stack, or with type CREATE the empty stack too; it is ready in a while."""
    account, name, kind = service.account, call["ChangeSetName"], call.get("ChangeSetType", "UPDATE")
    check_name(name, "changeSetName")
    if kind not in ("CREATE", "UPDATE"):
        raise violates("changeSetType", kind, "satisfy enum value set: [IMPORT, UPDATE, CREATE]")
    if kind == "CREATE":
        stack, wish = _stack_to_create(service, call)
    else:
        stack = stack_to_update(service, call["StackName"])
        wish = read_update(service, stack, call)
    if _find(service, name, stack) is not None:
        raise Refusal("AlreadyExistsException", f"ChangeSet {name} already exists")
    change_set = ChangeSet(
        account.new_arn(f"changeSet/{name}"),
        name,
        stack.id,
        kind,
        wish,
        account.agenda.time(),
        call.get("Description", ""),
        on_failure=call.get("OnStackFailure", "ROLLBACK"),
    )
    account.change_sets[change_set.id] = change_set
    account.agenda.after(account.knobs.review_seconds, lambda: _review(service, stack, change_set))
    return {"Id": change_set.id, "StackId": stack.id}


def _stack_to_create(service: CloudFormation, call: Call) -> tuple[Stack, Wish]:
    """Give a stack under review, made now if need be."""
    name = call["StackName"]
    stack = service.account.find(name)
    if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
        raise invalid(
            f"Stack [{name}] already exists and cannot be created again with the changeSet "
            f"[{call['ChangeSetName']}]."
        )
    wish = read_wish(call, service.kinds)
    if stack is None:
        check_name(name)
        stack = new_stack(service, name, Wish(empty_template(), tags=wish.tags))
        service.account.set_stack(stack, "REVIEW_IN_PROGRESS", "User Initiated")
    return stack, wish


def _review(service: CloudFormation, stack: Stack, change_set: ChangeSet) -> None:
    try:
        is_needed = change_set.kind == "CREATE" or has_changes(stack, change_set.wish, service.kinds)
        change_set.changes = changes_of(stack, change_set.wish, service.kinds)
    except Refusal as error:
        change_set.status, change_set.reason = "FAILED", error.message
        return
    if not is_needed:
        change_set.status, change_set.reason = "FAILED", _NO_CHANGES
        return
    change_set.status, change_set.execution = "CREATE_COMPLETE", "AVAILABLE"


def describe_change_set(service: CloudFormation, call: Call) -> Call:
    """Show a change set with all its changes."""
    stack, change_set = _wanted(service, call)
    return change_set_shape(stack, change_set)


def list_change_sets(service: CloudFormation, call: Call) -> Call:
    """Show the change sets of a stack."""
    stack = service.account.find(call["StackName"])
    if stack is None:
        raise no_stack_to_change(call["StackName"])
    found = [each for each in service.account.change_sets.values() if each.stack_id == stack.id]
    shown, following = page(found, call, service.knobs.summaries_page)
    return {
        "Summaries": [change_set_summary_shape(stack, each) for each in shown],
        "NextToken": following,
    }


def execute_change_set(service: CloudFormation, call: Call) -> Call:
    """Carry a change set out; the others of its stack are deleted."""
    account = service.account
    stack, change_set = _wanted(service, call)
    if change_set.execution != "AVAILABLE":
        is_ready = change_set.status == "CREATE_COMPLETE"
        state = (
            f"execution status of [{change_set.execution}]"
            if is_ready
            else f"status of [{change_set.status}]"
        )
        raise Refusal(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be executed in its current {state}",
        )
    if change_set.kind == "UPDATE":
        stack_to_update(service, stack.id)
    account.change_sets = {
        id_: each
        for id_, each in account.change_sets.items()
        if each.stack_id != stack.id or each is change_set
    }
    stack.change_set_id, stack.token = change_set.id, call.get("ClientRequestToken", "")
    change_set.execution = "EXECUTE_IN_PROGRESS"
    keeps_failed = call.get("DisableRollback", False)
    if change_set.kind == "CREATE":
        stack.wish = change_set.wish
        stack.on_failure = "DO_NOTHING" if keeps_failed else change_set.on_failure
        work = service.deployment.create(stack)
    else:
        work = service.deployment.update(stack, change_set.wish, keeps_failed=keeps_failed)
    account.work_on(stack, _executed(stack, change_set, work))
    return {}


def _executed(stack: Stack, change_set: ChangeSet, work: Iterator[float]) -> Iterator[float]:
    """Do the work, and let the change set know how it went."""
    yield from work
    is_complete = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    change_set.execution = "EXECUTE_COMPLETE" if is_complete else "EXECUTE_FAILED"


def delete_change_set(service: CloudFormation, call: Call) -> Call:
    """Delete a change set; one that is not there is fine, and an empty stack stays under review."""
    change_set = service.account.change_sets.get(call["ChangeSetName"])
    if change_set is None:
        if not call.get("StackName"):
            raise _no_stack_name()
        stack = service.account.find(call["StackName"])
        if stack is None:
            raise no_stack_to_change(call["StackName"])
        change_set = _find(service, call["ChangeSetName"], stack)
    if change_set is not None:
        if change_set.status == "CREATE_PENDING":
            raise Refusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be deleted in its current status of [CREATE_PENDING]",
            )
        del service.account.change_sets[change_set.id]
    return {}


def _wanted(service: CloudFormation, call: Call) -> tuple[Stack, ChangeSet]:
    name = call["ChangeSetName"]
    if found := service.account.change_sets.get(name):
        return service.account.stacks[found.stack_id], found
    if name.startswith("arn:"):
        raise no_change_set(name)
    if not call.get("StackName"):
        raise _no_stack_name()
    stack = service.account.find(call["StackName"])
    if stack is None:
        raise no_stack_to_change(call["StackName"])
    change_set = _find(service, name, stack)
    if change_set is None:
        raise no_change_set(name)
    return stack, change_set


def _find(service: CloudFormation, name: str, stack: Stack) -> ChangeSet | None:
    there = service.account.change_sets.values()
    return next((each for each in there if each.stack_id == stack.id and each.name == name), None)


def _no_stack_name() -> Refusal:
    return invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
