"""Permission that never ends, for tests of something else."""

import asyncio
from typing import Literal

from addons.runtime.permit import Permit


class _Never(asyncio.Event):
    """An event that belongs to no loop, as it is never set."""

    async def wait(self) -> Literal[True]:
        await asyncio.get_running_loop().create_future()
        return True


NEVER = _Never()
"""A stop that does not come."""

PERMIT = Permit(NEVER)
