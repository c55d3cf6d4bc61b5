"""The tags of what is made in AWS: which group it is of, and what users ask for. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.exclusive import settle_pairs
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Service
from addons.albingress.model.stack import Pairs
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Problem

LOAD_BALANCER: Final = "LoadBalancer"
MANAGED_GROUP: Final = "ManagedLBSecurityGroup"

_OURS = frozenset(
    {
        names.TAG_CLUSTER,
        names.TAG_STACK,
        names.TAG_RESOURCE,
        names.TAG_BACKEND_GROUP,
        names.TAG_RULE,
        names.TAG_SPEC,
    }
)
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_MOST_TAGS = 50
_TEXT = re.compile(r"[\w\s+\-=.:/@]*")


class TagWish(Struct, frozen=True):
    """The tags that are asked for; `is_unclear`: some more are, and nobody knows which."""

    pairs: Pairs = ()
    is_unclear: bool = False
    problems: tuple[Problem, ...] = ()


def stack_tags(config: Config, group: GroupId, resource: str) -> Pairs:
    """The tags by which what is made for a group is found again; the original has the same."""
    return tuple(
        sorted(
            {
                names.TAG_CLUSTER: config.cluster_name,
                names.TAG_STACK: str(group),
                names.TAG_RESOURCE: resource,
            }.items()
        )
    )


def group_tags(
    inputs: GroupInputs, members: Iterable[Member], resource: str, incumbent: Pairs | None
) -> tuple[Pairs, tuple[Problem, ...]]:
    """All tags of what several members share. While a wish is unclear, tags that AWS has stay."""
    asked = [(member, asked_tags(inputs.config, member)) for member in members]
    wishes = tuple(_fitting(inputs.config, asked))
    settled = settle_pairs("tag", [(member, wish.pairs) for member, wish in wishes], incumbent)
    has = incumbent if any(wish.is_unclear for _, wish in wishes) else None
    faults = (problem for _, wish in wishes for problem in wish.problems)
    return _complete(inputs, resource, settled.pairs, has), (*faults, *settled.problems)


def member_tags(
    inputs: GroupInputs,
    member: Member,
    resource: str,
    service: Service | None = None,
    incumbent: Pairs | None = None,
) -> tuple[Pairs, tuple[Problem, ...]]:
    """All tags of what is made for one member: a rule, or the target group of a Service, whose tags win.

    While the wish is unclear, tags that AWS has stay.
    """
    asked = asked_tags(inputs.config, member, service)
    ((_, wish),) = _fitting(inputs.config, [(member, asked)])
    has = incumbent if wish.is_unclear else None
    return _complete(inputs, resource, wish.pairs, has), wish.problems


def asked_tags(config: Config, member: Member, service: Service | None = None) -> TagWish:
    """The tags that a member asks for: its class wins over the Service's annotation, that over its own.

    Tags that AWS or other people keep for themselves are left out, and told.
    """
    if member.doubt:
        return TagWish(is_unclear=True)
    found: dict[str, str] = {}
    problems: list[Problem] = []
    sources: list[tuple[ObjectRef, Asked[Pairs]]] = [(member.ref, annotations.TAGS.asked_by(member.ingress))]
    if service is not None:
        sources.append((ref(service), annotations.TAGS.asked_by(service)))
    if member.params is not None:
        sources.append((ref(member.params), class_params.TAGS.asked_by(member.params)))
    faults = [said for _, said in sources if isinstance(said, Invalid)]
    for who, said in sources:
        if said is not None and not isinstance(said, Invalid):
            allowed, refused = _allowed(config, who, dict(said))
            found |= allowed
            problems += refused
    problems += [problem for fault in faults for problem in fault.problems]
    return TagWish(tuple(sorted(found.items())), bool(faults), tuple(problems))


def _fitting(config: Config, wishes: Iterable[tuple[Member, TagWish]]) -> Iterator[tuple[Member, TagWish]]:
    """As many tags as AWS takes for one thing beside ours, the first members' first."""
    room = _MOST_TAGS - len(_OURS) - len(config.default_tags)
    keys: set[str] = set()
    for member, wish in wishes:
        new = [key for key, _ in wish.pairs if key not in keys]
        over = new[max(0, room - len(keys)) :]
        left_out = set(over)
        keys |= set(new) - left_out
        pairs = tuple((key, value) for key, value in wish.pairs if key not in left_out)
        fault = f"tags: {', '.join(over)} are left out: a thing of the group may have {room} tags of users"
        told = [Problem(member.ref, names.INVALID_ANNOTATION, fault)] if over else []
        yield member, TagWish(pairs, wish.is_unclear, (*wish.problems, *told))


def _allowed(config: Config, who: ObjectRef, said: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    refused = {key: why for key, value in said.items() if (why := _refusal(config, key, value))}
    problems = [
        Problem(who, names.INVALID_ANNOTATION, f"tags: {key} is left out: {why}")
        for key, why in sorted(refused.items())
    ]
    return {key: value for key, value in said.items() if key not in refused}, problems


def _refusal(config: Config, key: str, value: str) -> str:
    if key in config.external_managed_tags:
        return "somebody else manages it (--external-managed-tags)"
    if key in _OURS:
        return "this controller sets it itself"
    if key.lower().startswith("aws:"):
        return "tags that begin with aws: are AWS's own"
    if len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE:
        return f"keys have at most {_LONGEST_KEY} characters and values {_LONGEST_VALUE}"
    if not (_TEXT.fullmatch(key) and _TEXT.fullmatch(value)):
        return f"{key}={value} has other signs than letters, digits, spaces and + - = . _ : / @"
    return ""


def _complete(inputs: GroupInputs, resource: str, pairs: Pairs, incumbent: Pairs | None) -> Pairs:
    config, asked, default = inputs.config, dict(pairs), inputs.config.default_tags
    wanted = default | asked if config.enable_default_tags_low_priority else asked | default
    ours = dict(stack_tags(config, inputs.group, resource))
    kept = {key: value for key, value in incumbent or () if not _refusal(config, key, value)}
    return tuple(sorted((kept | wanted | ours).items()))
