"""The region whose STS is asked: kube2iam needs none to be set, and so a node that is moved here has none."""

import logging
from collections.abc import Awaitable, Callable

import botocore.session

from addons.runtime.errors import OutsideError

log = logging.getLogger(__name__)


async def find_region(configured: str, read: Callable[[str], Awaitable[str | None]]) -> str:
    """Give the region of the settings, else of the AWS configuration, else what `read` says of this node.

    Empty when nobody knows it.
    """
    if configured or (configured := botocore.session.get_session().get_config_variable("region") or ""):
        return configured
    try:
        return await read("placement/region") or ""
    except OutsideError as error:
        log.warning("no region: --aws-region is not set, and %s", error.message)
        return ""
