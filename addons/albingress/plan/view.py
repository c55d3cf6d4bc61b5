"""What a plan needs to know beside what is asked for and what AWS has."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from addons.albingress.config import Config
from addons.albingress.model.quotas import Quotas
from addons.albingress.model.stack import DesiredSecurityGroup
from addons.runtime.outcomes import Blocked, ObjectRef


class Policy(Struct, frozen=True, kw_only=True):
    """The settings that plans depend on.

    `two_pass`: how long a deletion must have been wanted, by passes in a row. `swap_wait`: how long at most
    a rule waits for its new target group to get well.
    """

    cluster: str
    external_tags: tuple[str, ...] = ()
    drain: timedelta = timedelta(seconds=20)
    mass_delete: int = 50
    allow_mass_delete: bool = False
    two_pass: timedelta = timedelta(seconds=10)
    swap_wait: timedelta = timedelta(seconds=120)


def policy_of(config: Config) -> Policy:
    """Take from the settings what plans depend on."""
    return Policy(
        cluster=config.cluster_name,
        external_tags=config.external_managed_tags,
        drain=config.drain,
        mass_delete=config.mass_delete,
        allow_mass_delete=config.allow_mass_delete,
    )


class TargetState(Struct, frozen=True):
    """How far a target group is: since when it is there, whether all targets that are asked for are in it,
    and whether one of them is healthy (AWS only looks while a rule names the group)."""

    since: datetime
    is_filled: bool = False
    is_healthy: bool = False


class View(Struct, frozen=True, kw_only=True):
    """One moment, seen from one ingress group.

    `is_fresh`: the caches are synced and fresh, so that what is not asked for may go. `blocked` keys rest.
    `refused`: what AWS refused for good, as key of the action -> digest of what it said (`spec_of`) -> why.
    `wanted_deletes`: since when passes in a row have wanted the deletion of a key (`remember_deletes`).
    `switched`: since when the status of all members shows a load balancer's DNS name.
    `targets`: by name of the target group. `secrets`: the digests of OIDC secrets by ARN of rules and
    listeners that bear no tag of ours (`remember_secrets`).
    `backend_group`: what the cluster's shared group is like, or its id where a setting names one.
    `backend_group_is_used`: another load balancer has it. `retained`: Ingresses, as `namespace/name`, that
    left and are not served elsewhere yet. `members` stay. `leaving`: all that leave; those among them that
    are `deleting`.
    `known`: how many things in AWS are the cluster's; `deleted_lately` of them went a moment ago.
    """

    now: datetime
    policy: Policy
    quotas: Quotas = Quotas()
    is_fresh: bool = True
    blocked: Mapping[str, Blocked] = {}
    refused: Mapping[str, Mapping[str, str]] = {}
    wanted_deletes: Mapping[str, datetime] = {}
    switched: Mapping[str, datetime] = {}
    targets: Mapping[str, TargetState] = {}
    secrets: Mapping[str, str] = {}
    backend_group: DesiredSecurityGroup | str | None = None
    backend_group_is_used: bool = True
    retained: frozenset[str] = frozenset()
    members: tuple[ObjectRef, ...] = ()
    leaving: tuple[ObjectRef, ...] = ()
    deleting: frozenset[str] = frozenset()
    known: int = 0
    deleted_lately: int = 0
