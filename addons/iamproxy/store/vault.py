"""The credentials in use: one call to STS for each, however many pods ask, and never ones about to end."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from random import Random

from prometheus_client import Counter, Gauge

from addons.iamproxy.model.actions import Held
from addons.iamproxy.model.credentials import CredentialKey, Credentials, Denial
from addons.iamproxy.store.breaker import Breaker
from addons.runtime.backoff import Backoff
from addons.runtime.clock import utc_now
from addons.runtime.errors import Denied, Invalid, NotFound, OutsideError, Unavailable

FLOOR = timedelta(minutes=10)
"""Nobody is handed credentials that end sooner: an SDK would go on using them after their end."""

COMFORT = timedelta(minutes=25)
"""Less than this is handed out only while STS fails: botocore would take it for more than it is."""

_DENIED_SECONDS = 30.0
_LONGEST_DENIED_SECONDS = 600.0
_DENIAL_CODE = "AssumeRoleUnauthorizedAccess"
"""How EC2 calls a role that cannot be assumed."""

_FETCHES = Counter("addons_iamproxy_fetches_total", "Credentials asked of STS.", ["outcome"])
_HELD = Gauge("addons_iamproxy_credentials_held", "Credentials held, of different keys.")
_END = Gauge(
    "addons_iamproxy_credentials_end_timestamp_seconds",
    "When the first of the credentials ends that pods may have; +Inf when none are held.",
)
_AWAY = Gauge("addons_iamproxy_sts_away", "1 while STS counts as away and is asked only now and then.")

Fetcher = Callable[[CredentialKey], Awaitable[Credentials]]
Listener = Callable[[CredentialKey, OutsideError | None], None]


class _Entry:
    """All that is known about one key."""

    def __init__(self, rng: Random) -> None:
        self.credentials: Credentials | None = None
        self.renew_at: datetime | None = None
        self.unwanted_since: datetime | None = None
        self.denial: Denial | None = None
        self.error = ""
        self.failures = 0
        self.retry_at = float("-inf")
        self.rest_until = float("-inf")
        self.task: asyncio.Task[None] | None = None
        self.backoff = Backoff(rng, first=0.2, longest=60.0)


class Vault:
    """Holds credentials by key. `fetch` gets them, raising OutsideError; `on_outcome` hears how that went.

    A fetch goes on when those who asked for it are gone, so that they find it done when they come again.
    A role that is denied is not asked for again for 30 seconds, and where no pod asks ever less often.
    Credentials are due for renewal `ttl` after
    they came, give or take a tenth.
    """

    def __init__(
        self,
        fetch: Fetcher,
        *,
        ttl: timedelta = timedelta(minutes=30),
        now: Callable[[], datetime] = utc_now,
        rng: Random | None = None,
        on_outcome: Listener = lambda key, error: None,
    ) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._now = now
        self._rng = rng or Random()  # noqa: S311
        self._on_outcome = on_outcome
        self._entries: dict[CredentialKey, _Entry] = {}
        self._breaker = Breaker(self._rng)
        self._probe: asyncio.Task[None] | None = None

    def find(self, key: CredentialKey) -> Credentials | None:
        """Give credentials that are good to hand out at once."""
        entry = self._entries.get(key)
        if entry is None or entry.credentials is None:
            return None
        least = FLOOR if entry.failures else COMFORT
        return entry.credentials if entry.credentials.remaining(self._now()) >= least else None

    async def get(self, key: CredentialKey, seconds: float) -> Credentials | Denial | None:
        """Give credentials, fetched if need be, or the denial of STS; None when neither came in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            if found := self.find(key):
                return found
            entry = self._entry(key)
            if entry.denial and loop.time() < entry.retry_at:
                return self._last_resort(entry) or entry.denial
            left = deadline - loop.time()
            pause = self._pause(entry)
            if pause < left:
                await self._wait(key, entry, pause, left)
            elif self._probe and left > 0:
                await asyncio.wait({self._probe}, timeout=left)
            else:
                return self._last_resort(entry)

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
        self._entries.pop(key, None)
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
            del self._entries[key]
        self._measure()

    def held(self) -> dict[CredentialKey, Held]:
        """What is held, for the planner."""
        return {
            key: Held(entry.credentials.expiration, entry.renew_at, entry.unwanted_since)
            for key, entry in self._entries.items()
            if entry.credentials and entry.renew_at
        }

    def blocked(self) -> dict[CredentialKey, tuple[float, str]]:
        """Keys that must rest for so many seconds, and why; one that is being fetched rests as well."""
        now = asyncio.get_running_loop().time()
        away = self._breaker.pause(now)
        resting = {}
        for key, entry in self._entries.items():
            seconds = max(entry.retry_at - now, entry.rest_until - now, away)
            if entry.task:
                resting[key] = (max(seconds, 0.0), "is being fetched")
            elif seconds > 0:
                resting[key] = (seconds, entry.error or "STS is away")
        return resting

    def errors(self) -> dict[CredentialKey, str]:
        """Why the last fetch of a key failed, in the words of STS."""
        return {key: entry.error for key, entry in self._entries.items() if entry.error}

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
            self._entries[key] = _Entry(self._rng)
        return self._entries[key]

    def _last_resort(self, entry: _Entry) -> Credentials | None:
        """The credentials at hand, if they last long enough for anybody."""
        held = entry.credentials
        return held if held and held.remaining(self._now()) >= FLOOR else None

    def _pause(self, entry: _Entry) -> float:
        """Seconds until a fetch may be started; one that is under way is there to be waited for."""
        if entry.task:
            return 0.0
        now = asyncio.get_running_loop().time()
        return max(0.0, entry.retry_at - now, self._breaker.pause(now))

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
            self._accept(entry, await self._fetch(key))
        except OutsideError as failure:
            error = failure
            self._reject(entry, failure)
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

    def _accept(self, entry: _Entry, credentials: Credentials) -> None:
        """Hold new credentials; raises Unavailable when they end too soon to be of use."""
        now = self._now()
        remaining = credentials.remaining(now)
        if remaining < FLOOR:
            raise Unavailable(f"STS gave credentials that end in {remaining.total_seconds():.0f} s")
        entry.credentials = credentials
        entry.renew_at = now + self._ttl * self._rng.uniform(0.9, 1.1)
        entry.denial, entry.error, entry.failures = None, "", 0
        entry.retry_at = entry.rest_until = float("-inf")
        self._breaker.succeed()

    def _reject(self, entry: _Entry, error: OutsideError) -> None:
        now = asyncio.get_running_loop().time()
        entry.failures += 1
        entry.error = error.message
        if isinstance(error, Denied | Invalid | NotFound):
            entry.denial = Denial(_DENIAL_CODE, error.message)
            entry.retry_at = now + _DENIED_SECONDS
            entry.rest_until = now + min(
                _DENIED_SECONDS * 2.0 ** min(entry.failures - 1, 10), _LONGEST_DENIED_SECONDS
            )
            self._breaker.succeed()
        else:
            entry.denial = None
            entry.retry_at = now + max(entry.backoff.next(now), min(error.retry_after or 0.0, 60.0))
            self._breaker.fail(now)
