"""Permission that never ends, for tests of something else."""

import asyncio

from addons.runtime.permit import Permit

NEVER = asyncio.Event()
"""A stop that does not come."""

PERMIT = Permit(NEVER)
