"""The links of sandboxes: made, taken away and checked, and the kernel's errors in the words of a runtime."""

import logging
from ipaddress import IPv4Address
from typing import Protocol

from msgspec.structs import replace

from addons.cni import names
from addons.cni.controller.pods import PodCheck
from addons.cni.model.assignments import Assignment, SandboxKey
from addons.cni.model.requests import WIRING_FAILED, CniError
from addons.cni.net.pods import LinkTaken
from addons.cni.store.journal import Writing
from addons.runtime.errors import NotFound, OutsideError

log = logging.getLogger(__name__)

NOWHERE = IPv4Address("0.0.0.0")
"""Stands for the address of a sandbox that is not known."""

_UNKNOWN = "?"


class Ends(Protocol):
    """The hardware addresses of both ends of a pair of links."""

    @property
    def host_mac(self) -> str:
        """That of the host's end."""
        ...

    @property
    def pod_mac(self) -> str:
        """That of the pod's end."""
        ...


class Network(Protocol):
    """Wires sandboxes. Methods may be repeated, and mind whose the links are. Each raises OutsideError."""

    async def connect(self, assignment: Assignment, writing: Writing | None) -> Ends:
        """Have the sandbox reach the node. What is wired already stays; when it fails, nothing is left.

        It begins while the journal still writes that the sandbox has the address, and waits for that before
        anything leads there. Fails with it.
        """
        ...

    async def disconnect(self, assignment: Assignment) -> None:
        """Take links, routes and rules of the sandbox away; those of another sandbox of this name stay."""
        ...

    async def check(self, assignment: Assignment) -> tuple[str, ...]:
        """Say in words what is not as it was made."""
        ...


class Links:
    """The network, as sandboxes use it: each method raises CniError."""

    def __init__(self, network: Network, pods: PodCheck) -> None:
        self._network, self._pods = network, pods

    async def connect(self, held: Assignment, writing: Writing | None = None) -> Ends:
        """Wire. A link of the same name that nobody knows gives way to the pod that Kubernetes has now."""
        try:
            return await self._network.connect(held, writing)
        except LinkTaken as error:
            owner = SandboxKey(held.key.network, *error.owner)
        except OutsideError as error:
            raise _unwired(held, error) from error
        await self._pods.refuse_unless_successor(held.pod, replace(held.pod, uid=_UNKNOWN))
        log.warning("container %s takes the place of %s, which nobody knows", held.key, owner)
        try:
            await self._network.disconnect(replace(held, key=owner, ip=NOWHERE, netns=""))
            return await self._network.connect(held, writing)
        except OutsideError as error:
            raise _unwired(held, error) from error

    async def disconnect(self, held: Assignment) -> None:
        """Unwire; nothing to do is success."""
        try:
            await self._network.disconnect(held)
        except NotFound:
            pass
        except OutsideError as error:
            raise _unwired(held, error) from error

    async def disconnect_stranger(self, held: Assignment) -> None:
        """Unwire what may be there of a sandbox that nobody knows; whether it can be is no matter."""
        try:
            await self._network.disconnect(held)
        except OutsideError as error:
            log.info("container %s is not known here: %s", held.key, error)

    async def check(self, held: Assignment) -> tuple[str, ...]:
        """Say in words what is not as it was made."""
        try:
            return await self._network.check(held)
        except OutsideError as error:
            raise _unwired(held, error) from error


def _unwired(held: Assignment, error: OutsideError) -> CniError:
    message = f"container {held.key} with {held.ip}: {error.message}"
    return CniError(WIRING_FAILED, message, reason=names.WIRING_FAILED)
