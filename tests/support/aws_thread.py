"""A simulated AWS for the running loop: in it, or beside it when its time is virtual."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from addons.sim.aws.server import AwsEndpoint
from tests.support.virtual import VirtualLoop


@contextmanager
def aws_in_thread() -> Iterator[AwsEndpoint]:
    """An AWS in a thread of its own: boto3 blocks, so nothing it waits for may run in the virtual loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    endpoint = AwsEndpoint()
    try:
        asyncio.run_coroutine_threadsafe(endpoint.start("127.0.0.1", 0), loop).result()
        yield endpoint
    finally:
        asyncio.run_coroutine_threadsafe(endpoint.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@asynccontextmanager
async def simulated_aws() -> AsyncIterator[AwsEndpoint]:
    """An AWS that boto3 can call from the running loop."""
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        with aws_in_thread() as aws:
            yield aws
    else:
        async with AwsEndpoint() as aws:
            yield aws
