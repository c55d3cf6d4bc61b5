"""Ask every daemon of a cluster how it does, many at once; one that does not answer costs only itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec

from addons.explain.ask import fetch
from addons.explain.daemons import Daemons, Pod, is_on_every_node, order, release_of
from addons.runtime.errors import OutsideError, Unavailable
from addons.runtime.kube import KubeClient

_AT_ONCE = 16
_DECISIONS = 20

State = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Replica:
    """What one pod of a daemon says; `problem` says why it says nothing, `to_do` what helps.

    `is_silent`: it runs and did not answer, so that nothing is known of it.
    """

    pod: str
    node: str = ""
    state: State = field(default_factory=dict)
    decisions: Sequence[State] = ()
    problem: str = ""
    to_do: str = ""
    is_silent: bool = False

    @property
    def leads(self) -> bool:
        """Whether it does the work, as far as it says."""
        return not self.problem and bool(self.state.get("leads", True))

    @property
    def complaint(self) -> str:
        """Why it is not ready, or what keeps it from its work; nothing when it is well."""
        degraded = self.state.get("degraded") or ()
        told = (f"{each.get('reason')}: {each.get('message')} ({each.get('about')})" for each in degraded)
        return self.problem or str(self.state.get("notReady") or "") or "; ".join(told)


@dataclass(frozen=True, kw_only=True)
class Release:
    """The pods of one daemon that belong together: replicas of which one leads, or one for each node."""

    daemon: str
    namespace: str
    name: str
    is_on_every_node: bool
    replicas: Sequence[Replica]

    @property
    def without_leader(self) -> str:
        """That nobody leads, or that it is not known, as a replica that may lead cannot be asked."""
        if self.is_on_every_node or any(each.leads for each in self.replicas):
            return ""
        is_unknown = any(each.is_silent for each in self.replicas)
        return "it is not known who leads" if is_unknown else "nobody leads"

    @property
    def verdict(self) -> str:
        """How it does, as far as its pods could be asked."""
        if not self.complaints:
            return "ready"
        return "not known" if all(each.is_silent for each in self.replicas) else "not well"

    @property
    def complaints(self) -> list[str]:
        """What is wrong with it, its pods one by one; nothing when it is well."""
        found = [f"{each.pod}: {each.complaint}" for each in self.replicas if each.complaint]
        return [*filter(None, [self.without_leader]), *found]


async def ask_cluster(
    kube: KubeClient, *, namespace: str = "", only: str = "", node: str = ""
) -> list[Release]:
    """Ask all daemons, or `only` those of a name; with `node` those that nodes have. Raises OutsideError."""
    daemons = Daemons(kube, namespace=namespace)
    pods = [pod for pod in await daemons.pods() if pod.status_port and _is_to_stay(pod)]
    turns = asyncio.Semaphore(_AT_ONCE)
    releases = []
    for (where, daemon, name), found in groupby(sorted(pods, key=order), key=release_of):
        listed = list(found)
        if only in ("", daemon) and (is_on_every_node(listed) or not node):
            releases.append(_ask_release(daemons, (where, daemon, name), listed, node, turns))
    asked = await asyncio.gather(*releases)
    return [release for release in asked if release.replicas]


def _is_to_stay(pod: Pod) -> bool:
    """Whether it is no pod that has ended, or is about to: another one takes its place."""
    return pod.status.phase not in ("Succeeded", "Failed") and not pod.metadata.deletion_timestamp


async def ask_at(url: str) -> Release:
    """Ask one daemon at its URL. Raises OutsideError."""
    state, decisions = await fetch(url, "state", f"decisions?limit={_DECISIONS}")
    try:
        said = msgspec.json.decode(state, type=State)
        told = msgspec.json.decode(decisions, type=list[State])
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{url} is no daemon of ours: {error}") from error
    replica = Replica(pod=url, node=str(said.get("node", "")), state=said, decisions=told)
    standing_by = not said.get("leads", True)
    name = str(said.get("daemon", ""))
    return Release(
        daemon=name, namespace="", name="", is_on_every_node=standing_by or "node" in said, replicas=[replica]
    )


async def _ask_release(
    daemons: Daemons, release: tuple[str, str, str], pods: Sequence[Pod], node: str, turns: asyncio.Semaphore
) -> Release:
    where, daemon, name = release
    is_on_all = is_on_every_node(pods)
    asked = [pod for pod in pods if not (is_on_all and node) or pod.spec.node_name == node]
    replicas = await asyncio.gather(*(_ask(daemons, pod, turns) for pod in asked))
    return Release(daemon=daemon, namespace=where, name=name, is_on_every_node=is_on_all, replicas=replicas)


async def _ask(daemons: Daemons, pod: Pod, turns: asyncio.Semaphore) -> Replica:
    name, node = pod.metadata.name, pod.spec.node_name
    if pod.status.phase != "Running":
        return Replica(pod=name, node=node, problem=f"its pod is {pod.status.phase or 'not there yet'}")
    try:
        async with turns:
            state = await daemons.get(pod, "api/state", {}, State)
            limit = {"limit": f"{_DECISIONS}"}
            decisions = await daemons.get(pod, "api/decisions", limit, list[State])
    except Unavailable as error:
        to_do, problem = await daemons.way_in(pod, "status"), error.message
    except OutsideError as error:
        to_do, problem = "", error.message
    else:
        return Replica(pod=name, node=node, state=state, decisions=decisions)
    return Replica(pod=name, node=node, problem=f"does not answer: {problem}", to_do=to_do, is_silent=True)
