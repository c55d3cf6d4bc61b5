"""What an Ingress names, found without understanding it. Pure.

Nothing is parsed here: an annotation that makes no sense as a whole may still name the Service whose change
mends it, and no event of that Service may be lost. What is found too much only costs a pass, or a look-up.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.certificates import needs_discovery
from addons.albingress.desired.exclusive import asked_of
from addons.albingress.desired.frontend import groups_to_resolve
from addons.albingress.desired.inputs import Member
from addons.albingress.model.elb import LoadBalancer
from addons.runtime.objects import Key

_SERVICE: Final = re.compile(r'"serviceName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_SECRET: Final = re.compile(r'"secretName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_TARGET_GROUP: Final = re.compile(r'"targetGroupName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_ACTION: Final = f"{names.PREFIX}{names.ACTIONS}."


class Named(Struct, frozen=True, kw_only=True):
    """What of AWS the members of a group name: texts of security groups, names of target groups.

    `subnets` and `certificates` say whether these have to be known.
    """

    subnets: bool = False
    certificates: bool = False
    security_groups: frozenset[str] = frozenset()
    target_groups: frozenset[str] = frozenset()


def named_in(members: Iterable[Member], config: Config, incumbent: LoadBalancer | None) -> Named:
    """What has to be asked of AWS before the wishes of these members can be read.

    Subnets have to be known where there is no such load balancer yet, or somebody asks for other ones.
    """
    listed = tuple(members)
    said = [member.ingress.metadata.annotations for member in listed]
    chooses = any(_may_choose_subnets(member, config, incumbent) for member in listed)
    return Named(
        subnets=chooses,
        certificates=any(map(_may_need_certificates, listed)),
        security_groups=groups_to_resolve(listed),
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


def _may_choose_subnets(member: Member, config: Config, incumbent: LoadBalancer | None) -> bool:
    if incumbent is None:
        return True
    scheme = asked_of(member, annotations.SCHEME, class_params.SCHEME)
    wished = config.default_load_balancer_scheme if scheme is None else scheme
    settings = (
        (annotations.SUBNETS, class_params.SUBNETS),
        (annotations.IP_ADDRESS_TYPE, class_params.IP_ADDRESS_TYPE),
    )
    asked = (asked_of(member, setting, field) for setting, field in settings)
    return wished != incumbent.scheme or any(each is not None for each in asked)


def _may_need_certificates(member: Member) -> bool:
    """Whether a port may be HTTPS, as far as the text goes, and certificates have to be found for it."""
    written = member.ingress.metadata.annotations.get(annotations.LISTEN_PORTS.name(), "")
    return "HTTPS" in written.upper() and needs_discovery(member)
