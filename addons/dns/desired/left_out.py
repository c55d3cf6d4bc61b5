"""Which setting keeps an object from asking for a name that it would ask for otherwise. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from addons.dns import names
from addons.dns.config import Config
from addons.dns.desired.settings import SourceSettings, source_settings
from addons.dns.desired.source_service import hostnames_of
from addons.dns.model.endpoint import Desired
from addons.dns.model.hostnames import is_within
from addons.dns.model.objects import Node, Pod, Service
from addons.dns.model.zones import DomainFilter
from addons.runtime.objects import KubeObject

_LIFTED: Final[Mapping[str, Any]] = {
    "annotation_filter": "",
    "label_filter": "",
    "annotation_prefix": names.ANNOTATION_PREFIXES,
    "ingress_class": (),
    "service_type_filter": (),
    "gateway_namespace": "",
    "gateway_name": "",
    "gateway_label_filter": "",
    "target_net_filter": (),
    "exclude_target_net": (),
    "ignore_hostname_annotation": False,
    "ignore_ingress_rules_spec": False,
    "ignore_ingress_tls_spec": False,
}
"""The settings that narrow which names are asked for, and the value with which each narrows nothing."""

_WIDENED: Final = ("publish_internal_services", "combine_fqdn_annotation")
"""The settings without which fewer names are asked for: leaving one out narrows."""

Read = Callable[[SourceSettings], Desired]
"""Reads one object by some settings."""


class Filter(NamedTuple):
    """A setting that narrows, or all of them together, as the user wrote it; and the settings without it."""

    text: str
    lifted: SourceSettings


def filters_of(config: Config, domains: DomainFilter) -> tuple[Filter, ...]:
    """Each setting that narrows, and all of them together; then what is not set and would widen."""
    found = {field: value for field, value in _LIFTED.items() if getattr(config, field) != value}
    unset = [{field: True} for field in _WIDENED if not getattr(config, field)]
    sets = [{field: value} for field, value in found.items()]
    sets += [found] if len(found) > 1 else []
    sets += unset
    sets += [found | one for one in unset] if found else []
    return tuple(_lifted(config, domains, one) for one in sets)


def left_out_by(name: str, obj: KubeObject, read: Read, filters: Iterable[Filter]) -> str:
    """The setting without which the object would ask for `name`; empty when there is none."""
    return next((one.text for one in filters if asks_for(name, obj, read, one.lifted)), "")


def renamed_by(name: str, obj: KubeObject, read: Read, config: Config, settings: SourceSettings) -> str:
    """The setting that gives the object other names than `name`, where nothing else names it; or none.

    | the object | has names from |
    |---|---|
    | a pod whose name `name` begins with | `--pod-source-domain` |
    | a Node | `--fqdn-template`, or its own |
    | one that asks for names, and for none without the template | `--fqdn-template` |
    """
    first, _, domain = name.partition(".")
    if isinstance(obj, Pod) and first == obj.metadata.name:
        elsewhere = replace(settings, pod_domain=domain)
        if asks_for(name, obj, read, elsewhere):
            return _or_unset("--pod-source-domain", config.pod_source_domain)
    asks = bool(read(settings).endpoints)
    plain = read(replace(settings, template=None))
    if asks and (isinstance(obj, Node) or not (plain.endpoints or plain.outside or plain.unreadable)):
        return _or_unset("--fqdn-template", config.fqdn_template)
    return ""


def _or_unset(flag: str, value: str) -> str:
    return f"{flag}={value}" if value else f"no {flag}"


def asks_for(name: str, obj: KubeObject, read: Read, settings: SourceSettings) -> bool:
    """True when the object asks for `name`, or may: for one above it, or for one that cannot be read.

    The names of pods lie below those of their Service, and its pods may not be known.
    """
    desired = read(settings)
    return desired.unreadable is not None or any(
        is_within(name, asked) for asked in _names(obj, desired, settings)
    )


def _names(obj: KubeObject, desired: Desired, settings: SourceSettings) -> Iterator[str]:
    yield from (endpoint.name for endpoint in desired.endpoints)
    if isinstance(obj, Service):
        yield from hostnames_of(obj, settings)


def _lifted(config: Config, domains: DomainFilter, values: Mapping[str, Any]) -> Filter:
    text = " and ".join(_written(field, getattr(config, field)) for field in values)
    return Filter(text, source_settings(replace(config, **values), domains))


def _written(field: str, value: object) -> str:
    flag = field.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag}={','.join(value) if isinstance(value, tuple) else value}"
