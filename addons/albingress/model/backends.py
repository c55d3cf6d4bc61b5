"""What is known behind one Service: that which its targets are made of."""

from collections.abc import Mapping

from msgspec import Struct

from addons.albingress.model.objects import EndpointSlice, Node, Pod, Service
from addons.runtime.objects import Key


class Backends(Struct, frozen=True, kw_only=True):
    """What is known behind one Service. `pods` are those that its slices list, `nodes` all, by name."""

    service: Service | None
    slices: tuple[EndpointSlice, ...] = ()
    pods: Mapping[Key, Pod] = {}
    nodes: Mapping[str, Node] = {}
