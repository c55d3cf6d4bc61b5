"""The region whose STS is asked: kube2iam needs none to be set, and so a node that is moved here has none."""

from collections.abc import Awaitable, Callable

import botocore.session

from addons.runtime.errors import OutsideError
from addons.runtime.settings import SettingError


async def find_region(configured: str, read: Callable[[str], Awaitable[str | None]]) -> str:
    """Give the region of the settings, else of the AWS configuration, else what `read` says of this node.

    Raises SettingError when nobody knows it: with the next start the node may.
    """
    if configured or (configured := botocore.session.get_session().get_config_variable("region") or ""):
        return configured
    try:
        if region := await read("placement/region"):
            return region
        why = "the node's metadata does not have it"
    except OutsideError as error:
        why = error.message
    raise SettingError(f"--aws-region is required: neither set nor in the AWS configuration, and {why}")
