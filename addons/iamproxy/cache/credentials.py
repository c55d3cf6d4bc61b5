"""The cache of credentials: one call to STS for each key, however many pods ask, and none about to end."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from prometheus_client import Counter, Gauge

from addons.iamproxy.cache.breaker import Breaker
from addons.iamproxy.model.actions import Held
from addons.iamproxy.model.credentials import CredentialKey, Credentials, Denial
from addons.runtime.clock import utc_now
from addons.runtime.errors import Denied, Invalid, NotFound, OutsideError, Unavailable
from addons.runtime.ledger import Ledger
from addons.runtime.outcomes import Blocked

FLOOR = timedelta(minutes=10)
"""Nobody is handed credentials that end sooner: an SDK would go on using them after their end."""

COMFORT = timedelta(minutes=25)
"""Less than this is handed out only while STS fails: botocore would take it for more than it is."""

_DENIED_SECONDS = 30.0
"""A role that is denied is not asked for sooner, be it for a pod that asks."""

_DENIAL_CODE = "AssumeRoleUnauthorizedAccess"
"""How EC2 calls a role that cannot be assumed."""

_FETCHES = Counter("addons_iamproxy_fetches_total", "Credentials asked of STS.", ["outcome"])
_HELD = Gauge("addons_iamproxy_credentials_held", "Credentials held, of different keys.")
_END = Gauge(
    "addons_iamproxy_credentials_end_timestamp_seconds",
    "When the first of the credentials ends that pods may have; +Inf when none are held.",
)
_AWAY = Gauge("addons_iamproxy_sts_away", "1 while STS counts as away and is asked only now and then.")

Fetch = Callable[[CredentialKey], Awaitable[Credentials]]
OnOutcome = Callable[[CredentialKey, OutsideError | None], None]


class _Entry:
    """What is held and under way for one key; `denied_until` is loop time."""

    def __init__(self) -> None:
        self.credentials: Credentials | None = None
        self.renew_at: datetime | None = None
        self.unwanted_since: datetime | None = None
        self.denial: Denial | None = None
        self.denied_until = float("-inf")
        self.is_failing = False
        self.task: asyncio.Task[None] | None = None


class CredentialCache:
    """Holds credentials by key. `fetch` gets them, raising OutsideError; `on_outcome` is told how that went.

    Credentials are due for renewal `ttl` after they came, give or take a tenth. A fetch goes on when the pod
    that asked has given up, so that its next request finds it done.

    | the last fetch of a key | it is fetched again for a pod that asks | and without one |
    |---|---|---|
    | failed | after a rest of 0.2 to 30 seconds | after the same |
    | was denied | after 30 seconds | after a rest of 30 seconds to 10 minutes |
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        ttl: timedelta = timedelta(minutes=30),
        now: Callable[[], datetime] = utc_now,
        rng: Random | None = None,
        on_outcome: OnOutcome = lambda key, error: None,
    ) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._now = now
        self._rng = rng or Random()  # noqa: S311
        self._on_outcome = on_outcome
        self._entries: dict[CredentialKey, _Entry] = {}
        self._breaker = Breaker(self._rng)
        self._failures: Ledger[CredentialKey] = Ledger(first=0.2, longest=30.0, rng=self._rng)
        self._denials: Ledger[CredentialKey] = Ledger(first=_DENIED_SECONDS, longest=600.0, rng=self._rng)
        self._probe: asyncio.Task[None] | None = None
        self._measure()

    def find(self, key: CredentialKey) -> Credentials | None:
        """Give credentials that are good to hand out at once."""
        entry = self._entries.get(key)
        if entry is None or entry.credentials is None:
            return None
        least = FLOOR if entry.is_failing else COMFORT
        return entry.credentials if entry.credentials.remaining(self._now()) >= least else None

    async def get(self, key: CredentialKey, seconds: float) -> Credentials | Denial | None:
        """Give credentials, fetched if need be, or the denial of STS; None when neither came in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            if found := self.find(key):
                return found
            entry = self._entry(key)
            if entry.denial and loop.time() < entry.denied_until:
                return self._with_floor(entry) or entry.denial
            left = deadline - loop.time()
            pause = self._pause(key, entry)
            if pause < left:
                await self._wait(key, entry, pause, left)
            elif self._probe and left > 0:
                await asyncio.wait({self._probe}, timeout=left)
            else:
                return self._with_floor(entry)

    def start(self, key: CredentialKey) -> None:
        """Begin to fetch credentials, whether or not there are some; `on_outcome` hears how it ends.

        Nothing is begun while STS is away and not to be asked yet.
        """
        if not self._breaker.pause(asyncio.get_running_loop().time()):
            self._start(key, self._entry(key))

    async def settle(self) -> dict[CredentialKey, str]:
        """Return when nothing is under way; what failed last, by key."""
        while tasks := [entry.task for entry in self._entries.values() if entry.task]:
            await asyncio.wait(tasks)
        return self.errors()

    def drop(self, key: CredentialKey) -> None:
        """Hold these credentials no longer."""
        self._forget(key)
        self._measure()

    def mark(self, wanted: Collection[CredentialKey]) -> None:
        """Note which credentials pods of this node are entitled to now; forget failures of all others."""
        for key, entry in self._entries.items():
            if key in wanted:
                entry.unwanted_since = None
            elif entry.unwanted_since is None:
                entry.unwanted_since = self._now()
        idle = [k for k, e in self._entries.items() if e.unwanted_since and not (e.credentials or e.task)]
        for key in idle:
            self._forget(key)
        self._measure()

    def held(self) -> dict[CredentialKey, Held]:
        """What is held, for the planner."""
        return {
            key: Held(entry.credentials.expiration, entry.renew_at, entry.unwanted_since)
            for key, entry in self._entries.items()
            if entry.credentials and entry.renew_at
        }

    def blocked(self) -> dict[CredentialKey, Blocked]:
        """Keys that are not to be fetched now: they rest, are being fetched, or STS is away."""
        away = self._breaker.pause(asyncio.get_running_loop().time())
        blocked, errors = self._failures.blocked() | self._denials.blocked(), self.errors()
        for key, entry in self._entries.items():
            if entry.task:
                blocked[key] = Blocked(away, "is being fetched", 0)
            elif away:
                rest = blocked.get(key, Blocked(away, errors.get(key, "STS is away"), 0))
                blocked[key] = replace(rest, seconds=max(rest.seconds, away))
        return blocked

    def errors(self) -> dict[CredentialKey, str]:
        """Why the last fetch of a key failed, in the words of STS."""
        return self._failures.errors | self._denials.errors

    @property
    def denied(self) -> Collection[CredentialKey]:
        """The keys whose last fetch STS has denied."""
        return self._denials.errors.keys()

    @property
    def failing(self) -> Collection[CredentialKey]:
        """The keys whose last fetch has failed without a denial."""
        return self._failures.errors.keys()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held at all."""
        return not any(entry.credentials for entry in self._entries.values())

    def forget_failures(self) -> None:
        """Have everything fetched at once that failed: what was in the way is over."""
        for key in self.failing:
            self._failures.succeeded(key)
        self._breaker.succeed()

    @property
    def is_away(self) -> bool:
        """Whether STS counts as away."""
        return self._breaker.is_open

    @property
    def under_way(self) -> int:
        """How many calls are under way."""
        return sum(entry.task is not None for entry in self._entries.values())

    async def close(self) -> None:
        """End what is under way."""
        tasks = [entry.task for entry in self._entries.values() if entry.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, key: CredentialKey, entry: _Entry, pause: float, left: float) -> None:
        """Let the pause pass, or else wait for the fetch."""
        if pause:
            await asyncio.sleep(pause)
        else:
            await asyncio.wait({self._start(key, entry)}, timeout=left)

    def _entry(self, key: CredentialKey) -> _Entry:
        if key not in self._entries:
            self._entries[key] = _Entry()
        return self._entries[key]

    def _forget(self, key: CredentialKey) -> None:
        self._entries.pop(key, None)
        self._failures.succeeded(key)
        self._denials.succeeded(key)

    def _with_floor(self, entry: _Entry) -> Credentials | None:
        """The credentials at hand, unless they end below the floor."""
        held = entry.credentials
        return held if held and held.remaining(self._now()) >= FLOOR else None

    def _pause(self, key: CredentialKey, entry: _Entry) -> float:
        """Seconds until a fetch may be started for a pod; one that is under way can be waited for at once."""
        if entry.task:
            return 0.0
        return max(self._failures.rest(key), self._breaker.pause(asyncio.get_running_loop().time()))

    def _start(self, key: CredentialKey, entry: _Entry) -> "asyncio.Task[None]":
        if entry.task is None:
            loop = asyncio.get_running_loop()
            self._breaker.begin(loop.time())
            entry.task = loop.create_task(self._run(key, entry))
            if self._breaker.is_open:
                self._probe = entry.task
        return entry.task

    async def _run(self, key: CredentialKey, entry: _Entry) -> None:
        error: OutsideError | None = None
        try:
            self._accept(key, entry, await self._fetch(key))
        except OutsideError as failure:
            error = failure
            self._reject(key, entry, failure)
        finally:
            if self._probe is entry.task:
                self._probe = None
            entry.task = None
        _FETCHES.labels("ok" if error is None else type(error).__name__.lower()).inc()
        _AWAY.set(self._breaker.is_open)
        self._measure()
        self._on_outcome(key, error)

    def _measure(self) -> None:
        held = self.held().values()
        _HELD.set(len(held))
        ends = (entry.expires.timestamp() for entry in held if entry.unwanted_since is None)
        _END.set(min(ends, default=math.inf))

    def _accept(self, key: CredentialKey, entry: _Entry, credentials: Credentials) -> None:
        """Hold new credentials; raises Unavailable when they end too soon to be of use."""
        now = self._now()
        remaining = credentials.remaining(now)
        if remaining < FLOOR:
            raise Unavailable(f"STS gave credentials that end in {remaining.total_seconds():.0f} s")
        entry.credentials = credentials
        entry.renew_at = now + self._ttl * self._rng.uniform(0.9, 1.1)
        entry.denial, entry.is_failing = None, False
        self._failures.succeeded(key)
        self._denials.succeeded(key)
        self._breaker.succeed()

    def _reject(self, key: CredentialKey, entry: _Entry, error: OutsideError) -> None:
        now = asyncio.get_running_loop().time()
        entry.is_failing = True
        if isinstance(error, Denied | Invalid | NotFound):
            entry.denial = Denial(_DENIAL_CODE, error.message)
            entry.denied_until = now + _DENIED_SECONDS
            self._denials.failed(key, error)
            self._failures.succeeded(key)
            self._breaker.succeed()
        else:
            entry.denial = None
            self._failures.failed(key, error)
            self._denials.succeeded(key)
            self._breaker.fail(now)
