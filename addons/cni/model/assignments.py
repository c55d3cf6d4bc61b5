"""Which sandbox of which pod holds which address."""

from datetime import datetime
from ipaddress import IPv4Address

from msgspec import Struct

from addons.runtime.outcomes import ObjectRef


class SandboxKey(Struct, frozen=True, order=True):
    """What a runtime calls an attachment: the name of the network, the container id, the name inside."""

    network: str
    container_id: str
    if_name: str

    def __str__(self) -> str:
        return f"{self.container_id[:12]}/{self.if_name}"


class PodId(Struct, frozen=True, order=True):
    """A pod as the runtime names it; `uid` tells it from another one of the same name, and may be missing."""

    namespace: str = ""
    name: str = ""
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def ref(self) -> ObjectRef:
        """Name the pod for messages and Events."""
        return ObjectRef("Pod", self.namespace, self.name, self.uid)


class Assignment(Struct, frozen=True, kw_only=True):
    """A sandbox holds an address: the host's end of its pair of links is `host_if`."""

    key: SandboxKey
    pod: PodId
    ip: IPv4Address
    eni_id: str
    host_if: str
    netns: str
    since: datetime


class Cooling(Struct, frozen=True):
    """An address that was given back and rests until a time, as somebody may still send to its old owner."""

    ip: IPv4Address
    until: datetime
