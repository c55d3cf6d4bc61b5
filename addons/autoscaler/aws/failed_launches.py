"""Scaling activities, and why a launch failed: AWS tells it in words, here it is one of a few codes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from addons.autoscaler.model.groups import LaunchFailure

OUT_OF_CAPACITY: Final = "OutOfCapacity"
SUBNET_FULL: Final = "SubnetFull"
QUOTA_EXCEEDED: Final = "QuotaExceeded"
LAUNCH_TEMPLATE_INVALID: Final = "LaunchTemplateInvalid"
OTHER: Final = "Other"

_ENDED = frozenset({"Successful", "Failed", "Cancelled"})

_WORDS: Final = (
    (SUBNET_FULL, r"InsufficientFreeAddressesInSubnet|not enough free addresses in subnet|no available IP"),
    (
        QUOTA_EXCEEDED,
        r"VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|VolumeLimitExceeded"
        r"|MaxIOPSLimitExceeded|ResourceLimitExceeded|more vCPU capacity than your current vCPU limit"
        r"|Max spot instance count exceeded|reached your quota|instances than your current instance limit"
        r"|exceeds? (?:the|your) .*(?:limit|quota)",
    ),
    (
        OUT_OF_CAPACITY,
        r"InsufficientInstanceCapacity|InsufficientHostCapacity|InsufficientCapacity|UnfulfillableCapacity"
        r"|ReservationCapacityExceeded|InsufficientReservedInstanceCapacity|SpotMaxPriceTooLow"
        r"|do not have sufficient .*capacity|no Spot capacity available|insufficient capacity"
        r"|capacity[- ]not[- ]available|Spot request .*below .*price",
    ),
    (
        LAUNCH_TEMPLATE_INVALID,
        r"launch template|launch configuration|Invalid\w*\.(?:NotFound|Malformed)|InvalidParameter"
        r"|InvalidBlockDevice|image id '|AMI .*does not exist|security group .*does not exist"
        r"|key pair .*does not exist|IamInstanceProfile|instance profile|Unsupported|is not supported"
        r"|Client\.InternalError|Client\.InvalidKMSKey|UnauthorizedOperation|not authorized"
        r"|architecture|OptInRequired|PendingVerification",
    ),
)
"""Patterns over AWS's words; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One scaling activity. `began` is Unix seconds; `failure` is there for a launch that failed."""

    id: str
    began: float
    has_ended: bool
    failure: LaunchFailure | None = None


def activity_from_api(item: Mapping[str, Any]) -> Activity:
    """Read an element of Activities. Raises KeyError."""
    began: datetime = item["StartTime"]
    ended: datetime = item.get("EndTime") or began
    status, id_ = item["StatusCode"], item["ActivityId"]
    failure = None
    if status == "Failed" and _is_launch(item):
        message = " ".join(
            (item.get("StatusMessage") or item.get("Description") or "no reason given").split()
        )
        failure = LaunchFailure(id_, ended.timestamp(), code_of(message), message, _zone(item))
    return Activity(id_, began.timestamp(), status in _ENDED, failure)


def code_of(message: str) -> str:
    """The code for what AWS says of a launch that failed."""
    return next((code for code, words in _WORDS if re.search(words, message, re.IGNORECASE)), OTHER)


def _is_launch(item: Mapping[str, Any]) -> bool:
    """Whether it is about an instance to start: of these alone the description begins so."""
    return str(item.get("Description") or "").startswith("Launching")


def _zone(item: Mapping[str, Any]) -> str:
    try:
        details = json.loads(item.get("Details") or "{}")
        zone = details.get("Availability Zone") or ""
        return zone if isinstance(zone, str) else ""
    except (ValueError, AttributeError):
        return ""
