"""The door to AWS: boto3 in bounded thread pools of our own, behind token buckets, with typed errors.

Parsing a reply costs more than waiting for it, so it happens in threads, off the event loop. Clients are
built in those threads too, once, since a client costs up to 0.3 s and 18 MiB.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

import jmespath
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Counter, Gauge, Histogram

from addons.runtime.aws_errors import classify
from addons.runtime.aws_sessions import Recorder, Sessions
from addons.runtime.bucket import Bucket, Rate
from addons.runtime.errors import OutsideError, Throttled

T = TypeVar("T")
Reply = dict[str, Any]

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0

_calls = Counter("addons_aws_calls_total", "Calls to AWS by outcome.", ["service", "operation", "outcome"])
_seconds = Histogram(
    "addons_aws_call_seconds",
    "Time of a call to AWS, without the wait for its turn.",
    ["service", "operation"],
)
_waited = Counter("addons_aws_wait_seconds_total", "Time that calls waited for their turn.", ["service"])
_rate = Gauge("addons_aws_rate_per_second", "Calls per second that the bucket permits now.", ["service"])
_retries = Counter("addons_aws_retries_total", "Attempts that botocore repeated.", ["service", "operation"])


UNLIMITED = Rate(1e6, burst=1_000_000)


class Limits(NamedTuple):
    """How one service is treated: how often it may be called, attempts of botocore per call, threads."""

    rate: Rate = UNLIMITED
    attempts: int = 4
    threads: int = 4


class AwsSession:
    """Calls any operation of any service by boto3's names.

    `limits` has the services that are treated in their own way, "route53" for instance. `recorder` is told
    the service and the operation ("route53", "ListHostedZones") of every call that is sent. Credentials come
    from the SDK's default chain. Every failure is an OutsideError.

    A thread cannot be cancelled: who gives up waiting leaves the call running, for at most its time-outs.
    """

    def __init__(
        self,
        *,
        region: str = "",
        endpoint_url: str = "",
        limits: Mapping[str, Limits] | None = None,
        recorder: Recorder | None = None,
        user_agent: str = "aws-addons",
    ) -> None:
        self._limits = dict(limits or {})
        self._user_agent = user_agent
        self._endpoint_url = endpoint_url or None
        self._sessions = Sessions(region=region, endpoint_url=endpoint_url, recorder=recorder)
        self._buckets: dict[str, Bucket] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Start no more calls; those in flight end by themselves."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def rate(self, service: str) -> float:
        """Calls per second that a service gets now; less than configured after it throttled."""
        return self._bucket(service).per_second

    async def call(
        self, service: str, operation: str, *, role: str = "", external_id: str = "", **arguments: Any
    ) -> Reply:
        """Call one operation, `list_hosted_zones` of "route53" for instance, and give the reply.

        With `role` (an ARN) it is called with that role's credentials, which are assumed once and renewed.
        """
        client = await self._client(service, role, external_id)
        return await self._send(client, service, operation, arguments)

    async def pages(
        self, service: str, operation: str, *, role: str = "", external_id: str = "", **arguments: Any
    ) -> AsyncIterator[Reply]:
        """Give the replies of a paged operation one by one; each is a call of its own, and waits its turn."""
        client = await self._client(service, role, external_id)
        names = self._sessions.page_tokens(service, client.meta.method_to_api_mapping[operation])
        wanted = dict(arguments)
        while True:
            page = await self._send(client, service, operation, wanted)
            yield page
            following = {given: jmespath.search(found, page) for given, found in names}
            if not any(following.values()):
                return
            wanted = arguments | {name: token for name, token in following.items() if token}

    async def _client(self, service: str, role: str, external_id: str) -> Any:
        """Give the one client of a service and role."""
        key = (service, role, external_id)
        if key not in self._clients:
            return await self._run(service, partial(self._make_client, key))
        return self._clients[key]

    def _make_client(self, key: tuple[str, str, str]) -> Any:
        """Make a client, in a thread; a session is not made for two threads, hence the lock."""
        service, role, external_id = key
        limits = self._limits.get(service, Limits())
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._sessions.get(role, external_id).client(
                    service,
                    endpoint_url=self._endpoint_url,
                    config=Config(
                        connect_timeout=CONNECT_SECONDS,
                        read_timeout=READ_SECONDS,
                        retries={"mode": "standard", "total_max_attempts": limits.attempts},
                        max_pool_connections=limits.threads,
                        tcp_keepalive=True,
                        user_agent_extra=self._user_agent,
                    ),
                )
            return self._clients[key]

    async def _send(self, client: Any, service: str, operation: str, arguments: Mapping[str, Any]) -> Reply:
        """Wait for a turn, call in a thread, and let the bucket and the metrics learn from how it went."""
        bucket = self._bucket(service)
        _waited.labels(service).inc(await bucket.take())
        try:
            with _seconds.labels(service, operation).time():
                reply: Reply = await self._run(service, partial(getattr(client, operation), **arguments))
        except (ClientError, BotoCoreError) as error:
            raise self._failure(bucket, service, operation, error) from error
        bucket.speed_up()
        _calls.labels(service, operation, "ok").inc()
        _retries.labels(service, operation).inc(reply["ResponseMetadata"].get("RetryAttempts", 0))
        return reply

    def _failure(
        self, bucket: Bucket, service: str, operation: str, error: ClientError | BotoCoreError
    ) -> OutsideError:
        found = classify(service, operation, error)
        _calls.labels(service, operation, type(found).__name__).inc()
        if isinstance(found, Throttled):
            bucket.slow_down()
            _rate.labels(service).set(bucket.per_second)
        return found

    def _bucket(self, service: str) -> Bucket:
        if service not in self._buckets:
            self._buckets[service] = Bucket(self._limits.get(service, Limits()).rate)
        return self._buckets[service]

    async def _run(self, service: str, work: Callable[[], T]) -> T:
        if service not in self._pools:
            threads = self._limits.get(service, Limits()).threads
            self._pools[service] = ThreadPoolExecutor(threads, thread_name_prefix=f"aws-{service}")
        return await asyncio.get_running_loop().run_in_executor(self._pools[service], work)
