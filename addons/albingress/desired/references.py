"""What an Ingress names, found without understanding it. Pure.

Nothing is parsed here: an annotation that makes no sense as a whole may still name the Service whose change
mends it, and no event of that Service may be lost. What is found too much only costs a pass, or a look-up.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.inputs import Member
from addons.runtime.objects import Key

_SERVICE: Final = re.compile(r'"serviceName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_SECRET: Final = re.compile(r'"secretName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_TARGET_GROUP: Final = re.compile(r'"targetGroupName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_HTTPS: Final = re.compile(r"https", re.IGNORECASE)
_ACTION: Final = f"{names.PREFIX}{names.ACTIONS}."


class Named(Struct, frozen=True, kw_only=True):
    """What of AWS the members of a group name: texts of security groups, names of target groups.

    `subnets` and `certificates` say whether these have to be known: subnets where there is no load balancer
    yet or somebody chooses some, certificates where a host may need one that nobody names.
    """

    subnets: bool = False
    certificates: bool = False
    security_groups: frozenset[str] = frozenset()
    target_groups: frozenset[str] = frozenset()


def named_in(members: Iterable[Member], *, has_load_balancer: bool) -> Named:
    """What has to be asked of AWS before the wishes of these members can be read."""
    listed = tuple(members)
    said = [member.ingress.metadata.annotations for member in listed]
    groups = (annotations.SECURITY_GROUPS.asked_by(member.ingress) for member in listed)
    return Named(
        subnets=bool(listed) and (not has_load_balancer or any(map(_chooses_subnets, listed))),
        certificates=any(map(_may_need_certificates, listed)),
        security_groups=frozenset(text for found in groups if isinstance(found, tuple) for text in found),
        target_groups=frozenset(name for each in said for name in _in_actions(_TARGET_GROUP, each)),
    )


def services_in(said: Mapping[str, str]) -> Iterator[str]:
    """The names of the Services in actions by annotation; they are of the namespace of the Ingress."""
    return _in_actions(_SERVICE, said)


def secrets_in(namespace: str, said: Mapping[str, str]) -> Iterator[Key]:
    """The Secrets that the authentication of an Ingress or a Service names, in its own namespace."""
    for name in _SECRET.findall(said.get(annotations.AUTH_IDP_OIDC.name(), "")):
        yield namespace, name


def _in_actions(pattern: re.Pattern[str], said: Mapping[str, str]) -> Iterator[str]:
    for key, text in said.items():
        if key.startswith(_ACTION):
            yield from pattern.findall(text)


def _chooses_subnets(member: Member) -> bool:
    by_class = class_params.SUBNETS.asked_by(member.params)
    return by_class is not None or annotations.SUBNETS.asked_by(member.ingress) is not None


def _may_need_certificates(member: Member) -> bool:
    said = member.ingress.metadata.annotations
    listens = bool(_HTTPS.search(said.get(annotations.LISTEN_PORTS.name(), "")))
    named = annotations.CERTIFICATE_ARN.asked_by(member.ingress) or class_params.CERTIFICATE_ARN.asked_by(
        member.params
    )
    return listens and not named
