"""What container runtimes ask, done: the life of a sandbox's address, from ADD to DEL.

Whatever was told to a runtime is in the journal first. A crash at any step leaves at most an assignment
without a link, or a pair of links to which nothing leads: the DEL that follows, or the audit, takes it back.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

from msgspec.structs import replace

from addons.cni import names
from addons.cni.controller.addresses import AddressPool, Taken
from addons.cni.controller.attempts import Attempt, Attempts
from addons.cni.controller.links import NOWHERE, Links, Network
from addons.cni.controller.locks import Gate, Locks
from addons.cni.controller.pods import PodCheck
from addons.cni.model.assignments import Assignment, PodId, SandboxKey
from addons.cni.model.requests import (
    ABANDONED,
    IO_FAILURE,
    NOT_AS_WIRED,
    NOT_AVAILABLE,
    TRY_LATER,
    UNKNOWN_CONTAINER,
    WIRING_FAILED,
    CniError,
    CniRequest,
)
from addons.cni.server.results import result_of
from addons.cni.store.journal import Journal, JournalFailed, Writing
from addons.cni.store.records import Assigned, Ended, Released
from addons.runtime.clock import utc_now

log = logging.getLogger(__name__)

_REMEMBERED = timedelta(minutes=10)
"""For how long an ADD is refused whose DEL came first; kubelets give up after four minutes."""


class Sandboxes:
    """Serves the verbs of the specification (see server/operations.py for what each does).

    `name_of` gives the name of the host's end for a pod and the name inside; `not_ready` says why no ADD can
    be served, or nothing: exhaustion is no such reason, for runtimes then call the whole node broken.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        addresses: AddressPool,
        network: Network,
        pods: PodCheck,
        name_of: Callable[[PodId, str], str],
        not_ready: Callable[[], str],
        add_timeout: timedelta,
        cooldown: timedelta,
        mtu: int,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._journal, self._addresses, self._pods = journal, addresses, pods
        self._wiring = Links(network, pods)
        self._allocations = journal.allocations
        self._name_of, self._not_ready, self._mtu, self._now = name_of, not_ready, mtu, now
        self._add_timeout, self._cooldown = add_timeout, cooldown
        self._containers, self._links, self._gate = Locks(), Locks(), Gate()
        self.attempts = Attempts()

    async def add(self, request: CniRequest, gone: asyncio.Future[None]) -> dict[str, Any]:
        """Give a sandbox an address and a network. The same request again is answered the same again."""
        assert request.key is not None
        attempt = Attempt(request.key, request.pod, self._now())
        gone.add_done_callback(lambda _: attempt.end(_unheard()))
        self.attempts.add(attempt)
        try:
            async with self._containers.hold(request.key.container_id):
                attempt.raise_if_ended()
                if held := self._allocations.by_key.get(request.key):
                    return await self._add_again(request, held)
                self._refuse_ended(request.key)
                await self._pods.refuse_replaced(request.pod)
                taken = await self._address(attempt)
                return await self._attach(attempt, request, taken)
        finally:
            self.attempts.discard(attempt)

    async def delete(self, request: CniRequest) -> None:
        """Take back what a sandbox has, by what is known here: its namespace may be gone."""
        assert request.key is not None
        self.attempts.container_deleted(request.key)
        async with self._containers.hold(request.key.container_id), self._gate.shared():
            if held := self._held_by(request.key):
                async with self._links.hold(held.host_if):
                    await self._release(replace(held, netns=request.netns or held.netns))
            else:
                await self._delete_unknown(request, request.key)

    async def check(self, request: CniRequest) -> None:
        """Compare what was promised with what is there."""
        assert request.key is not None
        held = self._allocations.by_key.get(request.key)
        if held is None:
            raise CniError(UNKNOWN_CONTAINER, f"container {request.key} has no address here")
        listed = [str(ip.get("address", "")) for ip in (request.previous or {}).get("ips") or ()]
        wrong = [] if f"{held.ip}/32" in listed else [f"prevResult lacks {held.ip}, which is its address"]
        wrong += await self._wiring.check(held)
        if wrong:
            raise CniError(NOT_AS_WIRED, f"container {request.key}: {'; '.join(wrong)}")

    async def collect(self, request: CniRequest) -> None:
        """Release what no valid attachment of this network holds, while no ADD and no DEL is at work."""
        network, valid = request.config["name"], frozenset(request.valid)
        async with self._gate.alone():
            held = list(self._allocations.by_key.values())
            lost = [each for each in held if each.key.network == network and each.key not in valid]
            for each in lost:
                log.info("gc: container %s is gone, %s is released", each.key, each.ip)
            ended = await asyncio.gather(*map(self._release, lost), return_exceptions=True)
        errors = [each for each in ended if each is not None]
        if any(not isinstance(each, CniError) for each in errors):
            raise BaseExceptionGroup("gc", errors)
        if errors:
            raise CniError(WIRING_FAILED, "; ".join(map(str, errors)), reason=names.WIRING_FAILED)

    def status(self) -> None:
        """Say why no ADD can be served."""
        if reason := self._not_ready():
            raise CniError(NOT_AVAILABLE, reason, reason=names.NOT_READY)
        if self._journal.failure:
            message = f"assignments cannot be written down: {self._journal.failure}"
            raise CniError(NOT_AVAILABLE, message, reason=names.JOURNAL_FAILED)

    async def forget(self, lost: Assignment) -> None:
        """Release what a sandbox held that is no more, as the audit found. Raises CniError."""
        async with (
            self._containers.hold(lost.key.container_id),
            self._gate.shared(),
            self._links.hold(lost.host_if),
        ):
            if self._allocations.by_key.get(lost.key) == lost:
                await self._release(lost)

    async def identify(self, nameless: Assignment, pod: PodId) -> None:
        """Note whose a sandbox is, which was recovered without anybody knowing. Raises CniError."""
        async with self._containers.hold(nameless.key.container_id), self._gate.shared():
            if self._allocations.by_key.get(nameless.key) == nameless:
                await _counted(self._journal.begin(Assigned(replace(nameless, pod=pod))))

    async def _address(self, attempt: Attempt) -> Taken:
        """Wait for an address, no longer than the time-out and whatever ends the attempt."""
        attempt.asked = self._addresses.ask()
        if not attempt.asked.done():
            if self._pods.is_ending(attempt.pod):
                attempt.end(CniError(ABANDONED, f"pod {attempt.pod} is ending", reason=names.POD_DELETED))
            elif attempt.ended_by:
                attempt.end(attempt.ended_by)
        seconds = self._add_timeout.total_seconds()
        timer = asyncio.get_running_loop().call_later(seconds, self._time_out, attempt)
        try:
            return await attempt.asked
        finally:
            timer.cancel()

    def _time_out(self, attempt: Attempt) -> None:
        """End an attempt that waits still, with the reason why there is no address."""
        if attempt.asked is None or attempt.asked.done():
            return
        why = self._addresses.why
        message = f"no address for pod {attempt.pod}: {why.message if why else 'there is none yet'}"
        waited = f"waited {self._add_timeout.total_seconds():g} s"
        reason = why.reason if why else names.GROWING
        attempt.end(CniError(TRY_LATER, message, waited, reason=reason))

    async def _attach(self, attempt: Attempt, request: CniRequest, taken: Taken) -> dict[str, Any]:
        held = self._assignment(request, attempt.key, taken)
        try:
            async with self._gate.shared(), self._links.hold(held.host_if):
                attempt.raise_if_ended()
                await self._make_room(attempt, held.host_if)
                return await self._connect(attempt, request, held)
        finally:
            self._addresses.give_back(taken.ip)

    def _assignment(self, request: CniRequest, key: SandboxKey, taken: Taken) -> Assignment:
        pod = request.pod if request.pod.name else PodId("", key.container_id)
        return Assignment(
            key=key,
            pod=request.pod,
            ip=taken.ip,
            eni_id=taken.eni_id,
            host_if=self._name_of(pod, key.if_name),
            netns=request.netns,
            since=self._now(),
        )

    async def _make_room(self, attempt: Attempt, host_if: str) -> None:
        """Take the network of an older sandbox of the same name away, or be refused for being the older."""
        for holder in self._allocations.of_link(host_if):
            if holder.key.container_id == attempt.key.container_id:
                continue
            await self._pods.refuse_unless_successor(attempt.pod, holder.pod)
            log.info("container %s takes the place of %s, pod %s", attempt.key, holder.key, holder.pod)
            await self._release(holder)

    async def _connect(self, attempt: Attempt, request: CniRequest, held: Assignment) -> dict[str, Any]:
        """Wire while it is written down, and take all back if that fails, or if nobody wants it any more."""
        writing = self._journal.begin(Assigned(held))
        try:
            ends = await self._wiring.connect(held, writing)
        except CniError:
            await _counted(writing)
            await self._release(held)
            raise
        await _counted(writing)
        if attempt.ended_by:
            await self._release(held)
            raise attempt.ended_by
        return result_of(request, held, host_mac=ends.host_mac, pod_mac=ends.pod_mac, mtu=self._mtu)

    async def _add_again(self, request: CniRequest, held: Assignment) -> dict[str, Any]:
        """Answer with the same address; a container that came back in another namespace is wired there."""
        async with self._gate.shared(), self._links.hold(held.host_if):
            if held.netns != request.netns:
                await self._wiring.disconnect(held)
                held = replace(held, netns=request.netns)
                await _counted(self._journal.begin(Assigned(held)))
            ends = await self._wiring.connect(held)
            return result_of(request, held, host_mac=ends.host_mac, pod_mac=ends.pod_mac, mtu=self._mtu)

    def _held_by(self, key: SandboxKey) -> Assignment | None:
        """Find what a sandbox holds, be it under the network's name of before."""
        if held := self._allocations.by_key.get(key):
            return held
        others = self._allocations.of_container(key.container_id)
        return next((each for each in others if each.key.if_name == key.if_name), None)

    async def _release(self, held: Assignment) -> None:
        """Unwire, then have the address rest. Raises CniError where the kernel refuses: all stays."""
        if held.key not in self._allocations.by_key:
            return
        await self._wiring.disconnect(held)
        until = self._now() + self._cooldown
        await self._journal.write_or_remember(Released(held.key, held.ip, until))
        self._addresses.released()

    async def _delete_unknown(self, request: CniRequest, key: SandboxKey) -> None:
        """Take away what the kernel has of a container that holds nothing by the journal, which may be lost.

        A pod's container is remembered, as its ADD may be on its way still. Container ids of pods are used
        once; other runtimes may start a container again.
        """
        await self._wiring.disconnect_stranger(self._stranger(request, key))
        if request.pod.name:
            until = self._now() + _REMEMBERED
            await self._journal.write_or_remember(Ended(key.container_id, until))

    def _stranger(self, request: CniRequest, key: SandboxKey) -> Assignment:
        """Describe what the container held, as far as the runtime knows."""
        ip = next(iter(_addresses_in(request)), NOWHERE)
        return self._assignment(request, key, Taken(ip, ""))

    def _refuse_ended(self, key: SandboxKey) -> None:
        until = self._allocations.ended.get(key.container_id)
        if until and until > self._now():
            message = f"container {key.container_id[:12]} was deleted before"
            raise CniError(ABANDONED, message, reason=names.CONTAINER_DELETED)


async def _counted(writing: Writing) -> None:
    try:
        await writing.counted()
    except JournalFailed as error:
        raise CniError(IO_FAILURE, error.message, reason=names.JOURNAL_FAILED) from error


def _addresses_in(request: CniRequest) -> Iterator[IPv4Address]:
    """Give the IPv4 addresses of prevResult."""
    for listed in (request.previous or {}).get("ips") or ():
        with suppress(ValueError, AttributeError):
            yield IPv4Address(str(listed.get("address", "")).partition("/")[0])


def _unheard() -> CniError:
    return CniError(TRY_LATER, "nobody waits for the answer any more", reason=names.PLUGIN_GONE)
