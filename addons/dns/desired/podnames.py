"""The names of single pods: the template of the annotation `pod-hostname`, filled in for one pod. Pure."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from addons.dns.model.objects import Pod

DEFAULT_TEMPLATE: Final = "{name}"

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_ORDINAL: Final = re.compile(r".*-(\d+)")
_INDEX_LABEL: Final = "apps.kubernetes.io/pod-index"


class InvalidTemplate(ValueError):
    """The template asks for something that is not known, of any pod or of this one; the message says what."""


class Named(Struct, frozen=True):
    """What a name may be made of: the pod, its first address, and the availability zone that it runs in."""

    pod: Pod
    address: str
    zone: str = ""


def check_template(template: str) -> None:
    """Raise InvalidTemplate when no pod whatsoever can be named by `template`."""
    for key in _PLACEHOLDER.findall(template):
        if key not in _READERS:
            known = ", ".join(f"{{{name}}}" for name in _READERS)
            raise InvalidTemplate(f"{template!r} has the unknown placeholder {{{key}}}; there are {known}")
    if set(_PLACEHOLDER.sub("", template)) & set("{}"):
        raise InvalidTemplate(f"{template!r} has a brace without its counterpart")


def pod_hostname(template: str, named: Named) -> str:
    """The name of one pod, relative to that of its Service; raises InvalidTemplate when it has none."""

    def fill(match: re.Match[str]) -> str:
        text = _READERS[match[1]](named)
        if not text:
            raise InvalidTemplate(f"pod {named.pod.metadata.name} has no {{{match[1]}}}")
        return text

    return _PLACEHOLDER.sub(fill, template)


def own_hostname(pod: Pod) -> str:
    """The host name that a StatefulSet gives its pods for good; else the name of the pod."""
    return pod.spec.hostname if pod.spec.hostname and pod.spec.subdomain else pod.metadata.name


def _ordinal(named: Named) -> str:
    """The number of a StatefulSet's pod; the label has it since Kubernetes 1.28, its name always."""
    metadata = named.pod.metadata
    if index := metadata.labels.get(_INDEX_LABEL):
        return index
    owner, match = metadata.controller, _ORDINAL.fullmatch(metadata.name)
    return match[1] if match and owner and owner.kind == "StatefulSet" else ""


def _dashed(named: Named) -> str:
    """The address as one label: an IPv6 address in full, since `::` could leave a dash at its end."""
    return ip_address(named.address).exploded.replace(".", "-").replace(":", "-") if named.address else ""


_READERS: Final[Mapping[str, Callable[[Named], str]]] = {
    "name": lambda named: own_hostname(named.pod),
    "ordinal": _ordinal,
    "uid8": lambda named: named.pod.metadata.uid[:8],
    "ip-dashed": _dashed,
    "zone": lambda named: named.zone,
}
