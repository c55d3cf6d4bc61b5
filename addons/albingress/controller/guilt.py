"""Who is to blame where AWS refuses something that a whole group shares: those who asked for it."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from addons.albingress import names
from addons.albingress.model.actions import (
    AddListenerCertificates,
    AssociateWebAcl,
    AuthorizeIngress,
    AwsAction,
    CreateListener,
    CreateLoadBalancer,
    CreateSecurityGroup,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyLoadBalancerAttributes,
    SetIpAddressType,
    SetSecurityGroups,
    SetSubnets,
    SetTags,
)
from addons.albingress.model.objects import Ingress
from addons.runtime.errors import OutsideError
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef

_SOURCES = (names.INBOUND_CIDRS, names.PREFIX_LISTS)
_TLS = (names.CERTIFICATE_ARN, names.SSL_POLICY, names.MUTUAL_AUTHENTICATION, names.LISTEN_PORTS)

_ASKED_BY: Final[Mapping[type[AwsAction], tuple[str, ...]]] = {
    AddListenerCertificates: _TLS,
    AssociateWebAcl: (names.WAFV2_ACL_ARN,),
    AuthorizeIngress: _SOURCES,
    CreateListener: (*_TLS, names.LISTENER_ATTRIBUTES, names.TAGS),
    CreateLoadBalancer: (
        names.LOAD_BALANCER_ATTRIBUTES,
        names.SUBNETS,
        names.SECURITY_GROUPS,
        names.IP_ADDRESS_TYPE,
        names.LOAD_BALANCER_NAME,
        names.TAGS,
    ),
    CreateSecurityGroup: (*_SOURCES, names.TAGS),
    ModifyListener: _TLS,
    ModifyListenerAttributes: (names.LISTENER_ATTRIBUTES,),
    ModifyLoadBalancerAttributes: (names.LOAD_BALANCER_ATTRIBUTES,),
    SetIpAddressType: (names.IP_ADDRESS_TYPE,),
    SetSecurityGroups: (names.SECURITY_GROUPS,),
    SetSubnets: (names.SUBNETS,),
    SetTags: (names.TAGS,),
}
"""The annotations that an action follows from."""

_LEAST = 3
"""So many characters a word has at least that is looked for in what AWS says."""


def guilty_of(action: AwsAction, error: OutsideError, members: Iterable[Ingress]) -> tuple[ObjectRef, ...]:
    """Those who ask for what AWS names, else those who ask for anything of the kind; nobody if none does."""
    settings = _ASKED_BY.get(type(action), ())
    asked = {ref(each): words for each in members if (words := _words(each, settings))}
    named = tuple(who for who, words in asked.items() if any(word in error.message for word in words))
    return named or tuple(asked)


def _words(ingress: Ingress, settings: Iterable[str]) -> frozenset[str]:
    """What the values of these annotations are made of."""
    values = (
        value
        for key, value in ingress.metadata.annotations.items()
        for setting in settings
        if key == f"{names.PREFIX}{setting}" or key.startswith(f"{names.PREFIX}{setting}.")
    )
    found = (word for value in values for word in re.split(r"[\s,=\"{}\[\]]+", value))
    return frozenset(word for word in found if len(word) >= _LEAST)
