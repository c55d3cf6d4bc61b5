"""One replica acts, the others wait: leadership on a coordination Lease.

Safety does not rest on clocks that agree. The holder counts from before it sent a renewal that succeeded; the
others count from after they saw it; each by its own monotonic clock. So the holder's time is always over
first, and its work has ended by then, whatever became of its connection. It lets go of the lease early only
when nothing is under way any more: a cancelled task may leave a thread behind in the middle of a call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from prometheus_client import Counter, Gauge

from addons.runtime.backoff import Backoff
from addons.runtime.clock import rfc3339_micro, utc_now
from addons.runtime.errors import Conflict, Denied, NotFound, OutsideError, Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.objects import LEASES, Lease
from addons.runtime.outcomes import Fault
from addons.runtime.runnable import Runnable

log = logging.getLogger(__name__)

_MARGIN = 0.1  # of the lease, kept for the work's last breath and for clocks that run at unlike speed
_RELEASE_SECONDS = 2.0
_LONGEST_PAUSE = 20.0
_LOST = float("-inf")

_IS_LEADER = Gauge("addons_kube_leader_is_leader", "1 while this replica leads.", ["lease"])
_FAILURES = Counter("addons_kube_leader_failures_total", "Failed requests for the lease.", ["lease"])


async def _at_once() -> None:
    return None


class Leader:
    """Campaigns for one Lease, and runs something while it is held.

    A holder that cannot renew for `renew_seconds` asks that to stop, and ends it before the
    `lease_seconds` are over that the others wait. `retry_seconds` is the pause between requests, with jitter.
    `identity` should tell people which replica it is; a random ending makes it unique to this process.
    `settled` returns when no call to the outside is under way any more.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        lease_seconds: float = 15.0,
        renew_seconds: float = 10.0,
        retry_seconds: float = 2.0,
        settled: Callable[[], Awaitable[None]] = _at_once,
        now: Callable[[], datetime] = utc_now,
        rng: Random | None = None,
    ) -> None:
        if not retry_seconds < renew_seconds < lease_seconds * (1 - _MARGIN):
            raise ValueError("a lease needs retry < renew < 0.9 * lease seconds")
        self.leader_identity = ""
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._lease_seconds = lease_seconds
        self._renew_seconds = renew_seconds
        self._retry_seconds = retry_seconds
        self._settled = settled
        self._now = now
        self._rng = rng or Random()  # noqa: S311
        self._identity = f"{identity}_{self._rng.getrandbits(32):08x}"
        self._clock: Callable[[], float] = float
        self._version = ""  # of the Lease as last seen or written
        self._seen_at = 0.0  # when that version was first seen here
        self._renewed_at = _LOST  # when the last successful renewal was sent
        self._gauge = _IS_LEADER.labels(f"{namespace}/{name}")
        self._failures = _FAILURES.labels(f"{namespace}/{name}")
        self._error: OutsideError | None = None  # of the latest request, if that failed
        self._backoff = Backoff(self._rng, first=retry_seconds, longest=max(_LONGEST_PAUSE, retry_seconds))

    @property
    def is_leading(self) -> bool:
        """True while this replica may act."""
        return self.remaining() > 0

    def remaining(self) -> float:
        """Seconds that this holder may still act, 0.0 when it does not lead.

        A destructive action that may take longer than this must not be started.
        """
        return max(0.0, self._renewed_at + self._lease_seconds * (1 - _MARGIN) - self._clock())

    @property
    def leader(self) -> str:
        """The pod, or the host outside of a cluster, of the replica that leads; empty when none is known."""
        return self.leader_identity.rpartition("_")[0]

    def not_ready(self) -> str:
        """Why this replica cannot take the lease even if nobody has it, in words; empty when it could."""
        if self._error is None or self.is_leading:
            return ""
        return f"lease {self._namespace}/{self._name} is out of reach: {self._error.message}"

    def fault(self) -> Fault | None:
        """Why the latest request for the lease failed."""
        if self._error is None:
            return None
        about = f"lease {self._namespace}/{self._name}"
        return Fault("kubernetes", about, self._error.reason, self._error.message)

    def lead(self, runnable: Runnable) -> Runnable:
        """Campaign, and run `runnable` whenever this replica leads.

        On loss, it sees its event set, is cancelled when its time is nearly over, and is awaited; then the
        campaign goes on. When it fails or returns, the lease is released and so does this.
        """

        async def campaign(stopping: asyncio.Event) -> None:
            self._clock = asyncio.get_running_loop().time
            over = False
            while not over and await self._acquire(stopping):
                over = await self._hold(runnable, stopping)

        return campaign

    async def _acquire(self, stopping: asyncio.Event) -> bool:
        """Try until the lease is ours; False when `stopping` is set first.

        A call of the term before may still be under way: this term must not begin beside it.
        """
        await _first(self._settled(), stopping)
        while not stopping.is_set():
            pause = self._retry_seconds * self._rng.uniform(1.0, 2.0)
            try:
                async with asyncio.timeout(self._renew_seconds / 2):
                    is_taken = await self._try_to_take()
                self._error = None
                if is_taken:
                    return True
            except (OutsideError, TimeoutError) as error:
                self._failed("is out of reach", error)
                pause = self._pause_after(error, pause)
            await _wait(stopping, pause)
        return False

    def _failed(self, what: str, error: OutsideError | TimeoutError) -> None:
        self._failures.inc()
        self._error = error if isinstance(error, OutsideError) else Unavailable("no answer")
        log.warning("lease %s/%s %s: %s", self._namespace, self._name, what, self._error.message)

    def _pause_after(self, error: Exception, pause: float) -> float:
        """A right that is missing is asked for less and less often; an answer that is, as often as before."""
        if isinstance(error, Denied):
            return self._backoff.next(self._clock())
        return max(pause, min(getattr(error, "retry_after", None) or 0.0, self._lease_seconds))

    async def _try_to_take(self) -> bool:
        try:
            lease = await self._kube.get(LEASES, Lease, namespace=self._namespace, name=self._name)
        except NotFound:
            await self._create()
        else:
            if not self._is_free(lease):
                return False
            transitions = lease.spec.lease_transitions + (lease.spec.holder_identity != self._identity)
            await self._write(self._claim(transitions))
        self.leader_identity = self._identity
        log.info("lease %s/%s taken by %s", self._namespace, self._name, self._identity)
        return True

    def _is_free(self, lease: Lease) -> bool:
        """Whether nobody else can be acting under a Lease that was just read."""
        self._observe(lease)
        spec = lease.spec
        if spec.holder_identity in ("", self._identity):
            return True
        return self._clock() - self._seen_at >= (spec.lease_duration_seconds or self._lease_seconds)

    def _observe(self, lease: Lease) -> None:
        """Note who holds the lease; a version not seen before is a sign of life of its holder."""
        self.leader_identity = lease.spec.holder_identity
        if lease.metadata.resource_version != self._version:
            self._version = lease.metadata.resource_version
            self._seen_at = self._clock()

    async def _hold(self, runnable: Runnable, stopping: asyncio.Event) -> bool:
        """Run `runnable` under the lease; True when it has ended for good, False when the lease was lost."""
        self._gauge.set(1)
        halt = asyncio.Event()
        work = asyncio.ensure_future(runnable(halt))
        renewal = asyncio.ensure_future(self._renew_until_lost())
        asked = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait((work, renewal, asked), return_when=asyncio.FIRST_COMPLETED)
            over = work.done() or not renewal.done()
            halt.set()
            await asyncio.wait((work, renewal), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((work,), timeout=self.remaining() if renewal.done() else None)
        finally:
            await _end(work, renewal, asked)
            self._gauge.set(0)
            await self._release()
        for task in (work, renewal):
            if not task.cancelled():
                task.result()
        return over

    async def _renew_until_lost(self) -> None:
        """Renew; return when somebody else has the lease, or it was not renewed for `renew_seconds`."""
        while (left := self._renewed_at + self._renew_seconds - self._clock()) > 0:
            await asyncio.sleep(min(left, self._retry_seconds * self._rng.uniform(0.8, 1.2)))
            late = self._renewed_at + self._renew_seconds
            try:
                async with asyncio.timeout_at(min(late, self._clock() + self._renew_seconds / 3)):
                    await self._renew()
                self._error = None
            except (OutsideError, TimeoutError) as error:
                self._failed("not renewed", error)
        log.warning("lease %s/%s lost by %s", self._namespace, self._name, self._identity)

    async def _renew(self) -> None:
        """Renew once. A conflict may be our own doing: a renewal that was applied but never answered."""
        try:
            await self._write({"renewTime": rfc3339_micro(self._now())})
        except NotFound:
            self._renewed_at = _LOST
        except Conflict:
            lease = await self._kube.get(LEASES, Lease, namespace=self._namespace, name=self._name)
            self._observe(lease)
            if self.leader_identity != self._identity:
                self._renewed_at = _LOST

    async def _release(self) -> None:
        """Let go of the lease, so that the next holder need not wait. The work has ended by now.

        A lease under which a call is still under way is not let go of: it is over by itself soon enough.
        """
        renewed_at, self._renewed_at = self._renewed_at, _LOST
        if renewed_at == _LOST:
            return
        try:
            async with asyncio.timeout_at(renewed_at + self._lease_seconds * (1 - _MARGIN)):
                await self._settled()
        except TimeoutError:
            log.warning("lease %s/%s not released: a call is still under way", self._namespace, self._name)
            return
        if (late := self._clock() - renewed_at - self._lease_seconds) > 0:
            log.error("work under lease %s/%s ended %.1f s too late", self._namespace, self._name, late)
        moment = rfc3339_micro(self._now())
        nobody = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": moment, "acquireTime": moment}
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._patch(nobody)
        except (OutsideError, TimeoutError) as error:
            log.info("lease %s/%s not released: %s", self._namespace, self._name, str(error) or "no answer")

    async def _create(self) -> None:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": self._claim(transitions=0),
        }
        sent_at = self._clock()
        created = await self._kube.create(LEASES, body, namespace=self._namespace)
        self._version, self._renewed_at = created.metadata.resource_version, sent_at

    async def _write(self, spec: dict[str, object]) -> None:
        """Change the Lease as the one who holds it from now on."""
        sent_at = self._clock()
        await self._patch(spec)
        self._renewed_at = sent_at

    async def _patch(self, spec: dict[str, object]) -> None:
        body = {"metadata": {"resourceVersion": self._version}, "spec": spec}
        lease = await self._kube.merge_patch(LEASES, body, namespace=self._namespace, name=self._name)
        self._version = lease.metadata.resource_version

    def _claim(self, transitions: int) -> dict[str, object]:
        moment = rfc3339_micro(self._now())
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._lease_seconds),
            "acquireTime": moment,
            "renewTime": moment,
            "leaseTransitions": transitions,
        }


async def leader_now(
    kube: KubeClient, namespace: str, name: str, now: Callable[[], datetime] = utc_now
) -> str:
    """The pod or host that holds a Lease which is not over by our clock; empty when none does.

    Raises OutsideError.
    """
    try:
        spec = (await kube.get(LEASES, Lease, namespace=namespace, name=name)).spec
    except NotFound:
        return ""
    if not spec.holder_identity or spec.renew_time is None:
        return ""
    is_over = now() - spec.renew_time > timedelta(seconds=spec.lease_duration_seconds)
    return "" if is_over else spec.holder_identity.rpartition("_")[0] or spec.holder_identity


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Return when `event` is set, or after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


async def _first(work: Awaitable[None], event: asyncio.Event) -> None:
    """Return when the work is done, or `event` is set."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(event.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(*tasks)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs, and return when all of it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
