"""The fields of IngressClassParams, each read on its own: a wrong one costs only what it is about. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.annotation_values import Unreadable, convert
from addons.albingress.desired.asked import Asked, Invalid, Setting
from addons.albingress.desired.listen_ports import network
from addons.albingress.model.objects import IngressClassParams
from addons.albingress.model.stack import Pairs
from addons.runtime.objects import ref
from addons.runtime.selectors import Requirement, Selector

T = TypeVar("T")
Tco = TypeVar("Tco", covariant=True)


class SubnetSelector(Struct, frozen=True):
    """Subnets by their ids, or all that have one of the values of each tag."""

    ids: tuple[str, ...] = ()
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()


class ListenerSettings(Struct, frozen=True, order=True):
    """The attributes of the listener `name`, which is PROTOCOL-PORT."""

    name: str
    attributes: Pairs


class Field(Struct, Generic[Tco], frozen=True):
    """A field of the spec: its name, and how its value in JSON is read."""

    name: str
    parse: Callable[[Any], Tco]

    def asked_by(self, params: IngressClassParams | None) -> Asked[Tco]:
        """What the field asks for; an empty one asks for nothing. Its name is found in any case."""
        if params is None:
            return None
        if not isinstance(params.spec, Mapping):
            return Invalid(ref(params), "spec", "is not an object with fields", names.INVALID_CLASS)
        lower = self.name.lower()
        written = next(
            (value for name, value in params.spec.items() if name.lower() == lower and value), None
        )
        if written is None:
            return None
        try:
            if (value := self.parse(written)) == ():
                raise Unreadable("names nothing")
            return value
        except Unreadable as fault:
            return Invalid(ref(params), f"spec.{self.name}", str(fault), names.INVALID_CLASS)


class _Entry(Struct):
    key: str
    value: str


class _Listener(Struct, rename="camel"):
    protocol: str
    port: int
    listener_attributes: tuple[_Entry, ...] = ()


class _Subnets(Struct):
    ids: tuple[str, ...] = ()
    tags: dict[str, tuple[str, ...]] = {}


class _Group(Struct):
    name: str


class _Requirement(Struct):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class _Selector(Struct, rename="camel"):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[_Requirement, ...] = ()


def _as_text(setting: Setting[T]) -> Callable[[Any], T]:
    return lambda value: setting.parse(convert(value, str))


def _port(value: Any) -> int:
    return annotations.SSL_REDIRECT.parse(str(convert(value, str | int)))  # type: ignore[arg-type]


def _texts(value: Any) -> tuple[str, ...]:
    return convert(value, tuple[str, ...])


def _each(parse: Callable[[str], tuple[str, ...]]) -> Callable[[Any], tuple[str, ...]]:
    return lambda value: tuple(found for text in _texts(value) for found in parse(text))


def _pairs(entries: tuple[_Entry, ...]) -> Pairs:
    return tuple(sorted({entry.key: entry.value for entry in entries}.items()))


def _entries(value: Any) -> Pairs:
    return _pairs(convert(value, tuple[_Entry, ...]))


def _listeners(value: Any) -> tuple[ListenerSettings, ...]:
    found = convert(value, tuple[_Listener, ...])
    return tuple(
        sorted(
            ListenerSettings(f"{one.protocol}-{one.port}", _pairs(one.listener_attributes)) for one in found
        )
    )


def _subnets(value: Any) -> SubnetSelector:
    found = convert(value, _Subnets)
    if bool(found.ids) is bool(found.tags):
        raise Unreadable("has not exactly one of ids and tags")
    return SubnetSelector(tuple(sorted(found.ids)), tuple(sorted(found.tags.items())))


def _group_name(value: Any) -> str:
    return annotations.GROUP_NAME.parse(convert(value, _Group).name)


def _selector(value: Any) -> Selector:
    found = convert(value, _Selector)
    equal = (Requirement(label, frozenset((text,))) for label, text in sorted(found.match_labels.items()))
    return Selector((*equal, *map(_requirement, found.match_expressions)))


def _requirement(written: _Requirement) -> Requirement:
    if written.operator in ("In", "NotIn") and written.values:
        return Requirement(written.key, frozenset(written.values), negated=written.operator == "NotIn")
    if written.operator in ("Exists", "DoesNotExist"):
        return Requirement(written.key, negated=written.operator == "DoesNotExist")
    raise Unreadable(f"has an expression of {written.key} that is not In, NotIn, Exists or DoesNotExist")


NAMESPACE_SELECTOR: Final = Field("namespaceSelector", _selector)
GROUP_NAME: Final = Field("group", _group_name)
LOAD_BALANCER_NAME: Final = Field("loadBalancerName", _as_text(annotations.LOAD_BALANCER_NAME))
SCHEME: Final = Field("scheme", _as_text(annotations.SCHEME))
IP_ADDRESS_TYPE: Final = Field("ipAddressType", _as_text(annotations.IP_ADDRESS_TYPE))
SUBNETS: Final = Field("subnets", _subnets)
INBOUND_CIDRS: Final = Field("inboundCIDRs", lambda value: tuple(map(network, _texts(value))))
PREFIX_LISTS: Final = Field("prefixListsIDs", _each(annotations.PREFIX_LISTS.parse))
CERTIFICATE_ARN: Final = Field("certificateArn", _texts)
SSL_POLICY: Final = Field("sslPolicy", _as_text(annotations.SSL_POLICY))
SSL_REDIRECT: Final = Field("sslRedirectPort", _port)
TAGS: Final = Field("tags", _entries)
TARGET_TYPE: Final = Field("targetType", _as_text(annotations.TARGET_TYPE))
LOAD_BALANCER_ATTRIBUTES: Final = Field("loadBalancerAttributes", _entries)
LISTENERS: Final = Field("listeners", _listeners)
WAFV2_ACL_ARN: Final = Field("wafv2AclArn", _as_text(annotations.WAFV2_ACL_ARN))
