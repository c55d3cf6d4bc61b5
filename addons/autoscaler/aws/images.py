"""Images by parameters of SSM, as they are now."""

from collections.abc import Iterable
from typing import Final

from addons.autoscaler.aws.calls import chunks
from addons.runtime.aws import AwsSession

_MOST_PARAMETERS: Final = 10
"""In one call."""


async def images_of(aws: AwsSession, parameters: Iterable[str]) -> dict[str, str]:
    """Parameter -> image; those that are not there are left out. Raises OutsideError."""
    found: dict[str, str] = {}
    for names in chunks(parameters, _MOST_PARAMETERS):
        reply = await aws.call("ssm", "get_parameters", Names=list(names))
        for each in reply.get("Parameters", ()):
            found[each["Name"] + each.get("Selector", "")] = each.get("Value", "")
    return found
