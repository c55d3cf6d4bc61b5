"""Which pod the network gave an address to."""

from msgspec import Struct


class Assignment(Struct, frozen=True, rename="camel"):
    """The network gave an address to a pod's sandbox; as `GET /v1/assignments` of our cni tells it."""

    ip: str
    pod_namespace: str = ""
    pod_name: str = ""
    pod_uid: str = ""
