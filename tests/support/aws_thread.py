"""A simulated AWS that lives in real time, beside a loop on virtual time."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from addons.sim.aws.server import AwsEndpoint


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
