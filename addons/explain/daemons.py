"""The daemons of a cluster: found by the labels of their charts, asked through the API server."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from addons.runtime.decisions import Decision
from addons.runtime.errors import OutsideError, Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Part, Resource

_OURS = "app.kubernetes.io/part-of=aws-addons"
_NAME, _INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/instance"


class _Port(Part, frozen=True):
    name: str = ""
    container_port: int = 0


class _HttpGet(Part, frozen=True):
    port: int | str = 0


class _Probe(Part, frozen=True):
    http_get: _HttpGet | None = None


class _Container(Part, frozen=True):
    ports: tuple[_Port, ...] = ()
    readiness_probe: _Probe | None = None


class _PodSpec(Part, frozen=True):
    node_name: str = ""
    containers: tuple[_Container, ...] = ()


class _PodStatus(Part, frozen=True):
    phase: str = ""


class Pod(KubeObject, frozen=True):
    """A pod: of a daemon, or one that is asked about."""

    resource: ClassVar[Resource] = PODS
    spec: _PodSpec = _PodSpec()
    status: _PodStatus = _PodStatus()

    @property
    def status_port(self) -> int:
        """Where the daemon in the pod shows its status: what its readiness probe looks at."""
        for container in self.spec.containers:
            probe = container.readiness_probe
            if probe and probe.http_get:
                port = probe.http_get.port
                named = {each.name: each.container_port for each in container.ports}
                return port if isinstance(port, int) else named.get(port, 0)
        return 0


class State(Struct, frozen=True, rename="camel"):
    """What every daemon says of itself at `/api/state`."""

    daemon: str = ""
    leads: bool = True
    leader: str = ""
    aws_identity: str = ""


@dataclass(frozen=True)
class Answer:
    """What a daemon says about an object; `problem` says why it could not be asked."""

    daemon: str
    pod: str
    state: State = field(default_factory=State)
    decisions: tuple[Decision, ...] = ()
    problem: str = ""


class Daemons:
    """All daemons of ours that run in a cluster, or in one namespace of it."""

    def __init__(self, kube: KubeClient, *, namespace: str = "") -> None:
        self._kube = kube
        self._namespace = namespace

    async def ask(self, about: str, *, only: str = "") -> AsyncIterator[Answer]:
        """Ask those that may have to do with an object, kind/namespace/name; raises OutsideError.

        Of the replicas of one release the leader is asked; of the pods on all nodes that of the pod's node.
        """
        pods = await self._kube.list(PODS, Pod, namespace=self._namespace, label_selector=_OURS)
        running = [pod for pod in pods if pod.status.phase == "Running" and pod.status_port]
        for (_, daemon, _), found in groupby(sorted(running, key=_order), key=_release):
            replicas = list(found)
            if only not in ("", daemon):
                continue
            if not _is_on_every_node(replicas):
                yield await self._ask_leader(daemon, replicas, about)
            elif about.startswith("pod/"):
                yield await self._ask_node(daemon, replicas, about)

    async def _ask_leader(self, daemon: str, replicas: Iterable[Pod], about: str) -> Answer:
        waiting = {pod.metadata.name: pod for pod in replicas}
        last = Answer(daemon, "", problem="no pod of it runs")
        while waiting:
            pod = waiting.pop(last.state.leader, None) or waiting.pop(next(iter(waiting)))
            last = await self._ask(daemon, pod, about)
            if not last.problem:
                return last
        return last

    async def _ask_node(self, daemon: str, replicas: Iterable[Pod], about: str) -> Answer:
        _, namespace, name = about.split("/")
        node = (await self._kube.get(PODS, Pod, namespace=namespace, name=name)).spec.node_name
        if not node:
            return Answer(daemon, "", problem="the pod is not scheduled to a node yet")
        found = next((pod for pod in replicas if pod.spec.node_name == node), None)
        if found is None:
            return Answer(daemon, "", problem=f"no pod of it runs on {node}, the node of the pod")
        return await self._ask(daemon, found, about)

    async def _ask(self, daemon: str, pod: Pod, about: str) -> Answer:
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        try:
            state = await self._get(pod, "api/state", {}, State)
            if not state.leads:
                return Answer(daemon, name, state, problem=standing_by(state.leader))
            decisions = await self._get(pod, "api/decisions", {"object": about}, tuple[Decision, ...])
        except OutsideError as error:
            return Answer(daemon, name, problem=error.message)
        return Answer(daemon, name, state, present(decisions))

    async def _get(self, pod: Pod, path: str, query: dict[str, str], type_: Any) -> Any:
        meta = pod.metadata
        return await self._kube.proxied(meta.namespace, meta.name, pod.status_port, path, query, type_)


def present(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """The newest decision on each key: what a daemon thinks now. They come newest first."""
    found: dict[str, Decision] = {}
    for decision in decisions:
        found.setdefault(decision.key, decision)
    return tuple(found.values())


def read_answer(url: str, state: bytes, decisions: bytes) -> Answer:
    """What a daemon says that was asked at its URL. Raises Unavailable when it is none of ours."""
    try:
        said = msgspec.json.decode(state, type=State)
        found = msgspec.json.decode(decisions, type=tuple[Decision, ...])
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{url} is no daemon of ours: {error}") from error
    problem = "" if said.leads else standing_by(said.leader)
    return Answer(said.daemon, url, said, present(found), problem)


def standing_by(leader: str) -> str:
    """What a replica says that does not lead."""
    return f"stands by: {leader} leads" if leader else "stands by: it is not known who leads"


def _release(pod: Pod) -> tuple[str, str, str]:
    labels = pod.metadata.labels
    return pod.metadata.namespace, labels.get(_NAME, ""), labels.get(_INSTANCE, "")


def _order(pod: Pod) -> tuple[tuple[str, str, str], str]:
    return _release(pod), pod.metadata.name


def _is_on_every_node(pods: Iterable[Pod]) -> bool:
    return any(pod.metadata.controller and pod.metadata.controller.kind == "DaemonSet" for pod in pods)
