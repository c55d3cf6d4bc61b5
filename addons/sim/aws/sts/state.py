"""Roles, identity providers and sessions of the simulated accounts, without HTTP."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from addons.sim.aws.sts.errors import StsError
from addons.sim.aws.sts.trust import Policy, check_policy

ACCOUNT = "123456789012"
_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/([\w+=,.@/-]*/)?([\w+=,.@-]{1,64})")


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `rate_per_second`: calls admitted per second after `burst` at once, None: no limit.
    `latency_seconds`: how long each call takes, and `latency_by_role` one for the role of this ARN.
    `known_keys_only`: refuse long-term keys that nobody made; else whoever signs with one is the user
    `anybody`.
    """

    rate_per_second: float | None = None
    burst: int = 100
    latency_seconds: float = 0.0
    latency_by_role: dict[str, float] = field(default_factory=dict)
    known_keys_only: bool = False


@dataclass(frozen=True)
class Role:
    """A role that can be assumed by whom its trust policy names."""

    arn: str
    trust: Policy
    max_session_seconds: int

    @property
    def id(self) -> str:
        """The unique id that begins with AROA."""
        return "AROA" + hashlib.sha256(self.arn.encode()).hexdigest()[:17].upper()


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider: tokens of `issuer` for one of the `audiences` are believed.

    `keys` is a JSON Web Key Set, as data or as the URL where it is published.
    """

    arn: str
    issuer: str
    audiences: frozenset[str]
    keys: Mapping[str, Any] | str


@dataclass(frozen=True)
class Session:
    """Temporary credentials, and for whom they stand."""

    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime
    role: Role
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The caller that GetCallerIdentity shows."""
        partition, account, name = (
            self.role.arn.split(":")[1],
            account_of(self.role.arn),
            role_name(self.role.arn),
        )
        return f"arn:{partition}:sts::{account}:assumed-role/{name}/{self.name}"


class Asked(NamedTuple):
    """What one call asked for; `Sts.asked` counts them."""

    role_arn: str
    session_name: str
    external_id: str = ""


def utc_now() -> datetime:
    """Give the present time, aware, in UTC."""
    return datetime.now(UTC)


def account_of(arn: str) -> str:
    """Give the account in an ARN."""
    return arn.split(":")[4]


def role_name(arn: str) -> str:
    """Give a role's name without its path."""
    return arn.rpartition("/")[2]


@dataclass
class Sts:
    """The strict state machine. `calls` counts the calls that came over HTTP, by operation.

    `now` and `sleep` are how time passes: for sessions and tokens, and for the latency.
    """

    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    knobs: Knobs = field(default_factory=Knobs)
    calls: Counter[str] = field(default_factory=Counter)
    asked: Counter[Asked] = field(default_factory=Counter)
    roles: dict[str, Role] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    _running: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        """Begin undisturbed."""
        self._running.set()

    def create_role(self, name: str, trust: Policy | None = None, *, max_session_seconds: int = 3600) -> Role:
        """Make a role, by path and name or by ARN; without `trust` its own account may assume it."""
        arn = name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{name}"
        if not _ROLE_ARN.fullmatch(arn):
            raise ValueError(f"{arn!r} is not the ARN of a role")
        policy = trust or trust_of_account(account_of(arn))
        check_policy(policy)
        self.roles[arn] = Role(arn, policy, max_session_seconds)
        return self.roles[arn]

    def create_provider(
        self, issuer: str, keys: Mapping[str, Any] | str, *, audiences: Iterable[str] = ("sts.amazonaws.com",)
    ) -> Provider:
        """Believe the tokens of an issuer."""
        host = issuer.removeprefix("https://")
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
        self.providers[issuer] = Provider(arn, issuer, frozenset(audiences), keys)
        return self.providers[issuer]

    def create_user(self, name: str, access_key_id: str) -> str:
        """Make a user with long-term keys; give its ARN."""
        self.users[access_key_id] = f"arn:aws:iam::{ACCOUNT}:user/{name}"
        return self.users[access_key_id]

    def open_session(
        self, role: Role, name: str, *, seconds: float = 3600, tags: Mapping[str, str] | None = None
    ) -> Session:
        """Give temporary credentials of a role, as the metadata service of an instance has them."""
        number = next(self._numbers)
        digest = hashlib.sha256(f"{role.arn} {name} {number}".encode()).hexdigest()
        session = Session(
            access_key_id=f"ASIA{digest[:6].upper()}{number:010d}",
            secret_access_key=digest[6:46],
            token=f"IQoJb3JpZ2luX2VjSIM{digest}{number}",
            expiration=(self.now() + timedelta(seconds=seconds)).replace(microsecond=0),
            role=role,
            name=name,
            tags=dict(tags or {}),
        )
        self.sessions[session.access_key_id] = session
        return session

    def caller(self, access_key_id: str, token: str) -> Session | str:
        """Give who signs with this key: a session, or the ARN of a user. Raises `StsError`."""
        if session := self.sessions.get(access_key_id):
            if token != session.token:
                raise _invalid_key()
            if self.now() >= session.expiration:
                message = "The security token included in the request is expired"
                raise StsError("ExpiredToken", message, 403)
            return session
        if access_key_id in self.users:
            return self.users[access_key_id]
        if self.knobs.known_keys_only or token or not access_key_id:
            raise _invalid_key()
        return f"arn:aws:iam::{ACCOUNT}:user/anybody"

    def hang(self) -> None:
        """Answer no call any more, until `resume`."""
        self._running.clear()

    def resume(self) -> None:
        """Answer again, the calls that waited as well."""
        self._running.set()

    async def wait(self, role_arn: str = "") -> None:
        """Let the time pass that a call takes."""
        await self._running.wait()
        if seconds := self.knobs.latency_by_role.get(role_arn, self.knobs.latency_seconds):
            await self.sleep(seconds)


def trust_of_account(account: str, *, external_id: str = "", tags: bool = False) -> Policy:
    """Give the policy that lets everybody of an account assume the role, perhaps with an external id only."""
    actions = ["sts:AssumeRole", *(["sts:TagSession"] if tags else [])]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": actions,
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trust_of_service_account(
    provider: Provider, namespace: str, name: str, *, audience: str = "sts.amazonaws.com"
) -> Policy:
    """Give the policy that lets the pods of one ServiceAccount assume the role."""
    host = provider.issuer.removeprefix("https://")
    expected = {f"{host}:sub": f"system:serviceaccount:{namespace}:{name}", f"{host}:aud": audience}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": expected},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _invalid_key() -> StsError:
    message = "The security token included in the request is invalid."
    return StsError("InvalidClientTokenId", message, 403)
