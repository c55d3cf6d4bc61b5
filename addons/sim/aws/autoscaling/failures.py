"""Why a launch fails: the words of AWS, and failures to order."""

from dataclasses import dataclass
from datetime import datetime

_FAILED = " Launching EC2 instance failed."

OUT_OF_CAPACITY = "OutOfCapacity"
SPOT_UNFULFILLABLE = "SpotUnfulfillable"
SUBNET_FULL = "SubnetFull"
QUOTA = "QuotaExceeded"
SPOT_QUOTA = "SpotQuotaExceeded"
INVALID_TEMPLATE = "InvalidLaunchTemplate"

_TEXTS = {
    OUT_OF_CAPACITY: "We currently do not have sufficient {type} capacity in the Availability Zone you "
    "requested ({zone}). Our system will be working on provisioning additional capacity. You can currently "
    "get {type} capacity by not specifying an Availability Zone in your request or choosing another one.",
    SPOT_UNFULFILLABLE: "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity "
    "due to your request configuration. Please adjust your request and try again.",
    SUBNET_FULL: "There are not enough free addresses in subnet '{subnet}' to satisfy the requested number "
    "of instances.",
    QUOTA: "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance "
    "bucket that the specified instance type belongs to. Please visit "
    "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    SPOT_QUOTA: "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count "
    "exceeded.",
    INVALID_TEMPLATE: "You must use a valid fully-formed launch template. The image id '[{image}]' does not "
    "exist.",
}


class LaunchError(Exception):
    """A launch that fails; the text is that of the activity's StatusMessage."""


def launch_error(
    code: str, *, type_: str = "", zone: str = "", subnet: str = "", image: str = ""
) -> LaunchError:
    """The failure of a code; a code that is none of ours is the message itself."""
    text = _TEXTS.get(code, code)
    return LaunchError(text.format(type=type_, zone=zone, subnet=subnet, image=image) + _FAILED)


@dataclass
class FailedLaunches:
    """An order: launches of a group ("" for all) fail, of one type or in one zone only where these are given.

    `until` None: until it is taken back; `times` None: as often as it is tried.
    """

    group: str
    code: str
    zone: str = ""
    type: str = ""
    until: datetime | None = None
    times: int | None = None

    def meets(self, group: str, type_: str, zone: str, now: datetime) -> bool:
        """Whether a launch is one of those, counting it."""
        if self.times == 0 or (self.until is not None and now >= self.until):
            return False
        wanted = ((self.group, group), (self.type, type_), (self.zone, zone))
        if not all(mine in ("", given) for mine, given in wanted):
            return False
        if self.times is not None:
            self.times -= 1
        return True
