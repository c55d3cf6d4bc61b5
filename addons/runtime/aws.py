"""The one way to AWS: boto3 calls in threads of their own, paced, permitted, with typed errors."""

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from time import monotonic
from typing import Any, Final, Self, TypeVar

import jmespath
from prometheus_client import Counter, Gauge, Histogram

from addons.runtime.aws_clients import NOBODY, Clients, OnCall, Reply, Role
from addons.runtime.aws_errors import RAISED, translate
from addons.runtime.aws_sending import Sending
from addons.runtime.bucket import Bucket, Rate
from addons.runtime.errors import OutsideError, Throttled, Unavailable, Withheld
from addons.runtime.permit import STOPPING, Permit

T = TypeVar("T")

CALLS = Counter("addons_aws_calls_total", "Calls to AWS.", ["service", "operation", "outcome"])
CALL_SECONDS = Histogram("addons_aws_call_seconds", "Time of a call to AWS.", ["service", "operation"])
_RESENT = Counter("addons_aws_resent_total", "Requests that botocore sent again.", ["service"])
_PACED = Counter("addons_aws_paced_seconds_total", "Time that calls waited for their turn.", ["service"])
_OPEN = Gauge("addons_aws_open_calls", "Calls that are under way or wait for a thread.", ["service"])

_DEFAULT_RATE = Rate(per_second=20, burst=40, attempts=4)
_SETTLE_SECONDS = 0.05

NO_REGION: Final = "RegionUnknown"
"""The code of calls that were not made since it is not known yet of which region."""


class AwsSession:
    """Calls to AWS without blocking the event loop. Close it, or use it as an async context.

    Every service has for each role a client. `rates` say how fast AWS may be called: the first key that fits
    counts, either a pattern of `service:operation` such as "ec2:describe_*", for services that throttle
    groups of operations apart, or else a service. Operations of one key share a bucket and a bounded pool of
    threads: what hangs holds up none of another key. `on_call` is told every operation that is sent, with the
    service as IAM names it: what the policy must allow.

    `endpoints` has the URLs of services that are elsewhere than `endpoint_url` says. A service named in
    `operations` has these operations alone, by their names in the API, and takes the less memory.

    Where the region is None it is to be found yet: nothing is called before `locate`.
    """

    def __init__(
        self,
        *,
        region: str | None = "",
        endpoint_url: str = "",
        rates: Mapping[str, Rate] | None = None,
        on_call: OnCall | None = None,
        threads: int = 8,
        read_seconds: float = 10.0,
        endpoints: Mapping[str, str] | None = None,
        operations: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._rates = dict(rates or {})
        self._threads = threads
        self.is_located = asyncio.Event()
        """Set as soon as the region is known, or was left to botocore."""
        if region is not None:
            self.is_located.set()
        self._clients = Clients(
            region=region or "",
            endpoint_url=endpoint_url,
            attempts=lambda service: self._rate(service).attempts,
            threads=threads * _most_lanes(self._rates),
            read_seconds=read_seconds,
            on_call=on_call,
            endpoints=endpoints or {},
            operations=operations or {},
        )
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._sendings: dict[Sending, asyncio.Future[Any]] = {}
        self._is_stopped = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop waiting calls, close connections. A call under way is not waited for, nor sent again."""
        for sending in self._sendings:
            sending.abandon(Unavailable("the session is closed"))
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        self._clients.close()

    def locate(self, region: str) -> None:
        """From now on call the services of this region."""
        self._clients.locate(region)
        self.is_located.set()

    def stop(self) -> None:
        """End what changes nothing, now and from now on: such calls raise Withheld.

        A change that may have reached AWS is waited for by whoever made it; one that was not sent yet is not,
        and never will be.
        """
        self._is_stopped = True
        for sending, ended in tuple(self._sendings.items()):
            refusal = _told_to_stop()
            if (sending.abandon(refusal) or not sending.is_change) and not ended.done():
                ended.set_exception(refusal)

    async def settled(self) -> None:
        """Return when no call is under way that may have reached AWS, abandoned ones included."""
        while any(sending.is_sent for sending in tuple(self._sendings)):  # noqa: ASYNC110 (no loop is told)
            await asyncio.sleep(_SETTLE_SECONDS)

    async def call(
        self,
        service: str,
        operation: str,
        *,
        role: str = "",
        external_id: str = "",
        permit: Permit | None = None,
        **arguments: Any,
    ) -> Reply:
        """Call an operation by its boto3 method name; `role` is the ARN of a role to assume for it.

        What changes anything needs a `permit`, and raises Withheld when that ends before the request is sent;
        so does a call whose task was cancelled. A throttled call is made again at a lower rate before
        Throttled is raised. Raises OutsideError.
        """
        return await self._call_as((role, external_id), service, operation, arguments, permit)

    async def call_unsigned(self, service: str, operation: str, **arguments: Any) -> Reply:
        """Call an operation that takes no signature, without any credentials. Raises OutsideError."""
        return await self._call_as(NOBODY, service, operation, arguments, None)

    async def _call_as(
        self, who: Role, service: str, operation: str, arguments: Mapping[str, Any], permit: Permit | None
    ) -> Reply:
        if not self.is_located.is_set():
            raise Unavailable(f"{service} {operation}: the AWS region is not known yet", code=NO_REGION)
        bucket = self._bucket(service, operation, who[0])
        tries = 0
        while True:
            _PACED.labels(service).inc(await bucket.take())
            if self._is_stopped and permit is None:
                raise _told_to_stop()
            try:
                return await self._call_once(service, operation, who, arguments, permit)
            except Throttled:
                bucket.slow_down()
                tries += 1
                if tries >= bucket.tries:
                    raise

    async def pages(
        self, service: str, operation: str, *, role: str = "", external_id: str = "", **arguments: Any
    ) -> AsyncIterator[Reply]:
        """Give the pages of a listing, each one call of its own; raises OutsideError."""
        paging = await self._in_thread(service, operation, partial(self._clients.paging, service, operation))
        seen: Reply | None = None
        while True:
            page = await self.call(service, operation, role=role, external_id=external_id, **arguments)
            yield page
            tokens = _next_tokens(paging, page)
            if tokens is None:
                return
            if tokens == seen:
                raise Unavailable(f"{service} {operation}: the same page came again")
            seen = tokens
            arguments = {name: value for name, value in {**arguments, **tokens}.items() if value is not None}

    async def _call_once(
        self, service: str, operation: str, who: Role, arguments: Mapping[str, Any], permit: Permit | None
    ) -> Reply:
        sending = Sending(permit.refusal_to_send if permit else _nothing, is_change=permit is not None)
        make = partial(self._clients.call, service, operation, who, arguments, sending)
        started, outcome = monotonic(), "cancelled"
        try:
            reply = await self._in_thread(service, operation, partial(self._make, make, sending), sending)
            outcome = "ok"
        except OutsideError as error:
            outcome = type(error).__name__.lower()
            raise
        finally:
            if sending.abandon(Withheld(f"{service} {operation}: not sent: the call was abandoned")):
                self._sendings.pop(sending, None)
            CALLS.labels(service, operation, outcome).inc()
            CALL_SECONDS.labels(service, operation).observe(monotonic() - started)
        _RESENT.labels(service).inc(reply.get("ResponseMetadata", {}).get("RetryAttempts", 0))
        return reply

    async def _in_thread(
        self, service: str, operation: str, make: Callable[[], T], sending: Sending | None = None
    ) -> T:
        lane = self._lane(service, operation)
        if lane not in self._pools:
            self._pools[lane] = ThreadPoolExecutor(self._threads, f"aws-{service}")
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[T] = loop.create_future()
        if sending:
            self._sendings[sending] = ended
        with _OPEN.labels(service).track_inprogress():
            made = loop.run_in_executor(self._pools[lane], make)
            made.add_done_callback(partial(_hand_on, ended))
            try:
                return await ended
            except RAISED as error:
                raise translate(service, operation, error) from error
            finally:
                made.cancel()

    def _make(self, make: Callable[[], T], sending: Sending) -> T:
        """Make a call, in a thread: `settled` waits for it even when nobody waits for its result any more."""
        try:
            return make()
        finally:
            self._sendings.pop(sending, None)

    def _bucket(self, service: str, operation: str, role: str) -> Bucket:
        lane = self._lane(service, operation)
        key = (lane, role)
        if key not in self._buckets:
            self._buckets[key] = Bucket(self._rates.get(lane) or self._rate(service))
        return self._buckets[key]

    def _lane(self, service: str, operation: str) -> str:
        """The pattern of the rates that an operation falls under, or else its service."""
        group = f"{service}:{operation}"
        return next((known for known in self._rates if fnmatchcase(group, known)), service)

    def _rate(self, service: str) -> Rate:
        return self._rates.get(service, _DEFAULT_RATE)


def _most_lanes(rates: Mapping[str, Rate]) -> int:
    """How many pools of threads one service has at most."""
    return max(Tally(key.partition(":")[0] for key in rates).values(), default=0) + 1


def _nothing() -> None:
    return None


def _told_to_stop() -> Withheld:
    return Withheld("not begun: told to stop", code=STOPPING)


def _hand_on(ended: asyncio.Future[T], made: asyncio.Future[T]) -> None:
    """Give the result of a thread to whoever still waits for it."""
    if ended.done() or made.cancelled():
        if not made.cancelled():
            made.exception()  # nobody else will look at it
        return
    if error := made.exception():
        ended.set_exception(error)
    else:
        ended.set_result(made.result())


def _next_tokens(paging: Mapping[str, Any], page: Reply) -> Reply | None:
    """Give the arguments for the next page, those to leave out as None; None when there is no next page."""
    more = paging.get("more_results")
    if more and not jmespath.search(more, page):
        return None
    inputs, outputs = _listed(paging["input_token"]), _listed(paging["output_token"])
    tokens = {name: jmespath.search(path, page) or None for name, path in zip(inputs, outputs, strict=True)}
    return tokens if any(tokens.values()) else None


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
