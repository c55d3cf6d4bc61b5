"""How records look in answers."""

import json
from typing import Any

from addons.sim.aws.cloudformation.model import ChangeSet, Event, Resource, Stack, Wish

Shape = dict[str, Any]


def stack_shape(stack: Stack) -> Shape:
    """Give a Stack."""
    wish = stack.wish
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id or None,
        "Description": wish.template.description or None,
        "Parameters": parameter_shapes(wish),
        "CreationTime": stack.created,
        "DeletionTime": stack.deleted,
        "LastUpdatedTime": stack.updated,
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "NotificationARNs": [],
        "Capabilities": list(wish.capabilities),
        "Outputs": [_output(wish, name, value) for name, value in stack.outputs.items()],
        "Tags": tag_shapes(wish),
        "EnableTerminationProtection": stack.is_protected,
        "DriftInformation": drift_shape(stack),
    }


def _output(wish: Wish, name: str, value: str) -> Shape:
    told = wish.template.outputs.get(name, {})
    return {
        "OutputKey": name,
        "OutputValue": value,
        "Description": told.get("Description"),
        "ExportName": told.get("Export", {}).get("Name"),
    }


def parameter_shapes(wish: Wish) -> list[Shape]:
    """Give Parameters; hidden ones show stars."""
    declared = wish.template.parameters
    return [
        {"ParameterKey": name, "ParameterValue": "****" if declared[name].is_hidden else value}
        for name, value in wish.parameters.items()
    ]


def tag_shapes(wish: Wish) -> list[Shape]:
    """Give Tags."""
    return [{"Key": key, "Value": value} for key, value in wish.tags.items()]


def drift_shape(stack: Stack) -> Shape:
    """Give a StackDriftInformation."""
    return {"StackDriftStatus": stack.drift, "LastCheckTimestamp": stack.drift_checked}


def summary_shape(stack: Stack) -> Shape:
    """Give a StackSummary, which has no tags."""
    names = (
        *("StackId", "StackName", "CreationTime", "LastUpdatedTime", "DeletionTime", "StackStatus"),
        *("StackStatusReason", "DriftInformation"),
    )
    shape = stack_shape(stack)
    return {"TemplateDescription": shape["Description"], **{name: shape[name] for name in names}}


def event_shape(stack: Stack, event: Event) -> Shape:
    """Give a StackEvent."""
    properties = None if event.properties is None else json.dumps(event.properties, sort_keys=True)
    return {
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": properties,
        "ClientRequestToken": event.token or None,
    }


def resource_shape(stack: Stack, resource: Resource) -> Shape:
    """Give a StackResource."""
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        **_resource(resource),
        "Timestamp": resource.since,
    }


def resource_summary_shape(resource: Resource) -> Shape:
    """Give a StackResourceSummary."""
    return {**_resource(resource), "LastUpdatedTimestamp": resource.since}


def _resource(resource: Resource) -> Shape:
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason or None,
        "DriftInformation": {"StackResourceDriftStatus": resource.drift},
    }


def change_set_summary_shape(stack: Stack, change_set: ChangeSet) -> Shape:
    """Give a ChangeSetSummary."""
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "ExecutionStatus": change_set.execution,
        "Status": change_set.status,
        "StatusReason": change_set.reason or None,
        "CreationTime": change_set.created,
        "Description": change_set.description or None,
    }


def change_set_shape(stack: Stack, change_set: ChangeSet) -> Shape:
    """Give what DescribeChangeSet shows."""
    return {
        **change_set_summary_shape(stack, change_set),
        "Parameters": parameter_shapes(change_set.wish),
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "Capabilities": list(change_set.wish.capabilities),
        "Tags": tag_shapes(change_set.wish),
        "Changes": [{"Type": "Resource", "ResourceChange": each} for each in change_set.changes],
        "OnStackFailure": change_set.on_failure if change_set.on_failure != "ROLLBACK" else None,
    }
