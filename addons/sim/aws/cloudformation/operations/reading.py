"""What shows stacks, their resources, events and templates."""

from typing import Any

from addons.sim.aws.cloudformation.errors import invalid, no_stack, violates
from addons.sim.aws.cloudformation.model import Stack
from addons.sim.aws.cloudformation.operations.shapes import (
    event_shape,
    resource_shape,
    resource_summary_shape,
    stack_shape,
    summary_shape,
)
from addons.sim.aws.cloudformation.paging import page
from addons.sim.aws.cloudformation.state import CloudFormation
from addons.sim.aws.cloudformation.wishes import check_template

Call = dict[str, Any]
_MOST_RESOURCES = 100
_STATUSES = frozenset(
    f"{verb}_{state}"
    for verb, states in {
        "CREATE": "IN_PROGRESS FAILED COMPLETE",
        "ROLLBACK": "IN_PROGRESS FAILED COMPLETE",
        "DELETE": "IN_PROGRESS FAILED COMPLETE",
        "UPDATE": "IN_PROGRESS COMPLETE_CLEANUP_IN_PROGRESS COMPLETE FAILED",
        "UPDATE_ROLLBACK": "IN_PROGRESS FAILED COMPLETE_CLEANUP_IN_PROGRESS COMPLETE",
        "REVIEW": "IN_PROGRESS",
        "IMPORT": "IN_PROGRESS COMPLETE",
        "IMPORT_ROLLBACK": "IN_PROGRESS FAILED COMPLETE",
    }.items()
    for state in states.split()
)


def describe_stacks(service: CloudFormation, call: Call) -> Call:
    """Show one stack, by ARN also one that is gone, or all that are there, the newest first."""
    if name := call.get("StackName"):
        return {"Stacks": [stack_shape(service.account.stack(name))]}
    there = [each for each in _newest_first(service) if not each.is_gone]
    shown, following = page(there, call, service.knobs.stacks_page)
    return {"Stacks": list(map(stack_shape, shown)), "NextToken": following}


def list_stacks(service: CloudFormation, call: Call) -> Call:
    """Show summaries of stacks in some states, or of all, also of those that are gone."""
    wanted = call.get("StackStatusFilter", [])
    if unknown := [each for each in wanted if each not in _STATUSES]:
        raise violates("stackStatusFilter", str(unknown), "satisfy enum value set")
    found = [each for each in _newest_first(service) if not wanted or each.status in wanted]
    shown, following = page(found, call, service.knobs.summaries_page)
    return {"StackSummaries": list(map(summary_shape, shown)), "NextToken": following}


def _newest_first(service: CloudFormation) -> list[Stack]:
    return list(reversed(service.account.stacks.values()))


def describe_stack_events(service: CloudFormation, call: Call) -> Call:
    """Show what has happened to a stack, the newest first."""
    stack = _existing(service, call)
    shown, following = page(list(reversed(stack.events)), call, service.knobs.events_page)
    return {"StackEvents": [event_shape(stack, each) for each in shown], "NextToken": following}


def describe_stack_resources(service: CloudFormation, call: Call) -> Call:
    """Show the resources of a stack, one hundred at most, by the stack or by one of them."""
    if physical_id := call.get("PhysicalResourceId"):
        if call.get("StackName"):
            raise invalid("StackName and PhysicalResourceId cannot be specified together")
        stack = _owner(service, physical_id)
    else:
        stack = _existing(service, call)
    wanted = call.get("LogicalResourceId")
    found = [each for each in stack.resources.values() if wanted in (None, each.logical_id)]
    return {"StackResources": [resource_shape(stack, each) for each in found[:_MOST_RESOURCES]]}


def _owner(service: CloudFormation, physical_id: str) -> Stack:
    for stack in _newest_first(service):
        if any(each.physical_id == physical_id for each in stack.resources.values()):
            return stack
    raise invalid(f"Stack for {physical_id} does not exist")


def describe_stack_resource(service: CloudFormation, call: Call) -> Call:
    """Show one resource of a stack."""
    stack = _existing(service, call)
    id_ = call["LogicalResourceId"]
    if id_ not in stack.resources:
        raise invalid(f"Resource {id_} does not exist for stack {stack.name}")
    shape = resource_shape(stack, stack.resources[id_])
    shape["LastUpdatedTimestamp"] = shape.pop("Timestamp")
    return {"StackResourceDetail": shape}


def list_stack_resources(service: CloudFormation, call: Call) -> Call:
    """Show summaries of the resources of a stack, in pages."""
    stack = _existing(service, call)
    shown, following = page(list(stack.resources.values()), call, _MOST_RESOURCES)
    return {"StackResourceSummaries": list(map(resource_summary_shape, shown)), "NextToken": following}


def get_template(service: CloudFormation, call: Call) -> Call:
    """Show the template of a stack or of a change set, word for word."""
    if name := call.get("ChangeSetName"):
        for each in service.account.change_sets.values():
            stack = service.account.stacks[each.stack_id]
            if each.id == name or (each.name == name and call.get("StackName") in (stack.name, stack.id)):
                return {"TemplateBody": each.wish.template.body, "StagesAvailable": ["Original", "Processed"]}
        raise invalid(f"ChangeSet [{name}] does not exist")
    stack = _existing(service, call)
    body = stack.wish.template.body
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


def validate_template(service: CloudFormation, call: Call) -> Call:
    """Show the parameters of a template, or refuse it."""
    template = check_template(call, service.kinds)
    return {
        "Parameters": [
            {
                "ParameterKey": each.name,
                "DefaultValue": each.default,
                "NoEcho": each.is_hidden,
                "Description": each.description or None,
            }
            for each in template.parameters.values()
        ],
        "Description": template.description or None,
        "Capabilities": [],
    }


def _existing(service: CloudFormation, call: Call) -> Stack:
    name = call.get("StackName")
    if not name:
        raise invalid("Either StackName or PhysicalResourceId must be specified")
    stack = service.account.find(name)
    if stack is None:
        raise no_stack(name)
    return stack
