"""Drift: whether resources still are as their stack has made them. It is detected at once."""

import json
from typing import Any

from addons.sim.aws.cloudformation.changes import property_changes
from addons.sim.aws.cloudformation.errors import invalid
from addons.sim.aws.cloudformation.model import Resource, Stack
from addons.sim.aws.cloudformation.state import CloudFormation

Call = dict[str, Any]
_PREFIX = "drift-"


def detect_stack_drift(service: CloudFormation, call: Call) -> Call:
    """Compare every resource of a stack with what it was made to be."""
    stack = service.account.stack(call["StackName"])
    if not stack.status.endswith("_COMPLETE") or stack.is_gone:
        raise invalid(f"Drift detection cannot be performed on stack {stack.name} in status {stack.status}")
    for resource in stack.resources.values():
        resource.drift = _drift_of(service, resource)
    drifts = {resource.drift for resource in stack.resources.values()}
    stack.drift = "DRIFTED" if drifts - {"IN_SYNC"} else "IN_SYNC"
    stack.drift_checked = service.account.agenda.time()
    return {"StackDriftDetectionId": f"{_PREFIX}{stack.id}"}


def describe_stack_drift_detection_status(service: CloudFormation, call: Call) -> Call:
    """Show how a detection went."""
    id_ = call["StackDriftDetectionId"]
    stack = service.account.stack(id_.removeprefix(_PREFIX))
    drifted = [each for each in stack.resources.values() if each.drift in ("MODIFIED", "DELETED")]
    return {
        "StackId": stack.id,
        "StackDriftDetectionId": id_,
        "StackDriftStatus": stack.drift,
        "DetectionStatus": "DETECTION_COMPLETE",
        "DriftedStackResourceCount": len(drifted),
        "Timestamp": stack.drift_checked,
    }


def describe_stack_resource_drifts(service: CloudFormation, call: Call) -> Call:
    """Show of each resource how it was to be and how it is, as of now."""
    stack = service.account.stack(call["StackName"])
    wanted = call.get("StackResourceDriftStatusFilters", [])
    found = [_shape(service, stack, each) for each in stack.resources.values() if each.drift != "NOT_CHECKED"]
    return {
        "StackResourceDrifts": [
            each for each in found if not wanted or each["StackResourceDriftStatus"] in wanted
        ]
    }


def _drift_of(service: CloudFormation, resource: Resource) -> str:
    kind = service.kinds[resource.type]
    actual = kind.actual(resource.physical_id, resource.properties)
    if actual is None:
        return "DELETED"
    return "MODIFIED" if property_changes(resource.properties, actual) else "IN_SYNC"


def _shape(service: CloudFormation, stack: Stack, resource: Resource) -> Call:
    actual = service.kinds[resource.type].actual(resource.physical_id, resource.properties)
    expected = resource.properties
    differing = property_changes(expected, actual) if actual is not None else []
    return {
        "StackId": stack.id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ExpectedProperties": json.dumps(expected, sort_keys=True),
        "ActualProperties": None if actual is None else json.dumps(actual, sort_keys=True),
        "PropertyDifferences": [
            {
                "PropertyPath": f"/{name}",
                "ExpectedValue": json.dumps(expected.get(name)),
                "ActualValue": json.dumps((actual or {}).get(name)),
                "DifferenceType": "NOT_EQUAL",
            }
            for name in differing
        ],
        "StackResourceDriftStatus": resource.drift,
        "Timestamp": stack.drift_checked,
    }
