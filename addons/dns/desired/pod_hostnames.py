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


class PodHostnameError(ValueError):
    """The template asks for what is not known of any pod, or not of this one; the message says what."""


class PodFacts(Struct, frozen=True):
    """What a name may be made of: the pod, its first address, and the availability zone that it runs in."""

    pod: Pod
    address: str
    zone: str = ""


def check_template(template: str) -> None:
    """Raise PodHostnameError when no pod whatsoever can be facts by `template`."""
    for key in _PLACEHOLDER.findall(template):
        if key not in _READERS:
            known = ", ".join(f"{{{name}}}" for name in _READERS)
            raise PodHostnameError(f"{template!r} has the unknown placeholder {{{key}}}; there are {known}")
    if set(_PLACEHOLDER.sub("", template)) & set("{}"):
        raise PodHostnameError(f"{template!r} has a brace without its counterpart")


def pod_hostname(template: str, facts: PodFacts) -> str:
    """The name of one pod, relative to that of its Service; raises PodHostnameError when it has none."""

    def fill(match: re.Match[str]) -> str:
        text = _READERS[match[1]](facts)
        if not text:
            raise PodHostnameError(f"pod {facts.pod.metadata.name} has no {{{match[1]}}}")
        return text

    return _PLACEHOLDER.sub(fill, template)


def own_hostname(pod: Pod) -> str:
    """The host name that a StatefulSet gives its pods for good; else the name of the pod."""
    return pod.spec.hostname if pod.spec.hostname and pod.spec.subdomain else pod.metadata.name


def _ordinal(facts: PodFacts) -> str:
    """The number of a StatefulSet's pod; the label has it since Kubernetes 1.28, its name always."""
    metadata = facts.pod.metadata
    if index := metadata.labels.get(_INDEX_LABEL):
        return index
    owner, match = metadata.controller, _ORDINAL.fullmatch(metadata.name)
    return match[1] if match and owner and owner.kind == "StatefulSet" else ""


def _dashed(facts: PodFacts) -> str:
    """The address as one label: an IPv6 address in full, since `::` could leave a dash at its end."""
    return ip_address(facts.address).exploded.replace(".", "-").replace(":", "-") if facts.address else ""


_READERS: Final[Mapping[str, Callable[[PodFacts], str]]] = {
    "name": lambda facts: own_hostname(facts.pod),
    "ordinal": _ordinal,
    "uid8": lambda facts: facts.pod.metadata.uid[:8],
    "ip-dashed": _dashed,
    "zone": lambda facts: facts.zone,
}
