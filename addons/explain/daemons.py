"""The daemons of a cluster: found by the labels of their charts, asked through the API server."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from itertools import groupby
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from addons.runtime.decisions import Decision
from addons.runtime.errors import Denied, OutsideError, Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Part, Resource

_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
_OF_API_SERVERS = "kubernetes.io/service-name=kubernetes"
_OURS = "app.kubernetes.io/part-of=aws-addons"
_WEBHOOK = "-webhook"
_NAME, _INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/instance"


class _Port(Part, frozen=True):
    name: str = ""
    container_port: int = 0


class _HttpGet(Part, frozen=True):
    port: int | str = 0


class _Probe(Part, frozen=True):
    http_get: _HttpGet | None = None


class _Container(Part, frozen=True):
    name: str = ""
    ports: tuple[_Port, ...] = ()
    readiness_probe: _Probe | None = None


class _PodSpec(Part, frozen=True):
    node_name: str = ""
    host_network: bool = False
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
        """Where the daemon in the pod shows its status: what its readiness probe looks at.

        Its container is called as it is; others may have been put beside it, or before it.
        """
        daemon = self.metadata.labels.get(_NAME, "")
        for container in sorted(self.spec.containers, key=lambda each: each.name != daemon):
            probe = container.readiness_probe
            if probe and probe.http_get:
                port = probe.http_get.port
                named = {each.name: each.container_port for each in container.ports}
                return port if isinstance(port, int) else named.get(port, 0)
        return 0


class _Endpoint(Part, frozen=True):
    addresses: tuple[str, ...] = ()


class _EndpointSlice(KubeObject, frozen=True):
    """Addresses behind a Service."""

    resource: ClassVar[Resource] = _SLICES
    endpoints: tuple[_Endpoint, ...] = ()


class State(Struct, frozen=True, rename="camel"):
    """What every daemon says of itself at `/api/state`."""

    daemon: str = ""
    leads: bool = True
    leader: str = ""
    aws_identity: str = ""


@dataclass(frozen=True)
class Answer:
    """What a daemon says about an object; `problem` says why it could not be asked, `to_do` what helps."""

    daemon: str
    pod: str
    state: State = field(default_factory=State)
    decisions: tuple[Decision, ...] = ()
    problem: str = ""
    to_do: str = ""


class Daemons:
    """All daemons of ours that run in a cluster, or in one namespace of it."""

    def __init__(self, kube: KubeClient, *, namespace: str = "") -> None:
        self._kube = kube
        self._namespace = namespace

    async def ask(self, about: str, *, only: str = "") -> AsyncIterator[Answer]:
        """Ask those that may have to do with an object, kind/namespace/name; raises OutsideError.

        Of the replicas of one release the leader is asked; of the pods on all nodes that of the pod's node.
        Webhooks are not: they keep no decisions.
        """
        pods = await self.pods()
        running = [pod for pod in pods if pod.status.phase == "Running" and pod.status_port]
        for (_, daemon, _), found in groupby(sorted(running, key=order), key=release_of):
            replicas = list(found)
            if only not in ("", daemon) or daemon.endswith(_WEBHOOK):
                continue
            if not is_on_every_node(replicas):
                yield await self._ask_leader(daemon, replicas, about)
            elif about.startswith("pod/"):
                yield await self._ask_node(daemon, replicas, about)

    async def pods(self) -> Sequence[Pod]:
        """All pods of ours, in whatever phase. Raises OutsideError."""
        try:
            return await self._kube.list(PODS, Pod, namespace=self._namespace, label_selector=_OURS)
        except Denied as error:
            if self._namespace:
                raise
            hint = "--daemons-in NAMESPACE looks for daemons in one namespace alone"
            raise Denied(f"{error.message}; {hint}", code=error.code, status=error.status) from error

    async def _ask_leader(self, daemon: str, replicas: Iterable[Pod], about: str) -> Answer:
        waiting = {pod.metadata.name: pod for pod in replicas}
        asked: dict[str, Answer] = {}
        leader = ""
        while waiting:
            name = leader if leader in waiting else next(iter(waiting))
            found = asked[name] = await self._ask(daemon, waiting.pop(name), about)
            if not found.problem:
                return found
            leader = found.state.leader or leader
        return _without_leader(asked.values(), asked.get(leader))

    async def _ask_node(self, daemon: str, replicas: Iterable[Pod], about: str) -> Answer:
        """Ask on the node of a pod; of two daemons that replace each other there the one that stays."""
        _, namespace, name = about.split("/")
        node = (await self._kube.get(PODS, Pod, namespace=namespace, name=name)).spec.node_name
        if not node:
            return Answer(daemon, "", problem="the pod is not scheduled to a node yet")
        there = [pod for pod in replicas if pod.spec.node_name == node]
        if not there:
            return Answer(daemon, "", problem=f"no pod of it runs on {node}, the node of the pod")
        found = min(there, key=lambda pod: pod.metadata.deletion_timestamp is not None)
        return await self._ask(daemon, found, about)

    async def way_in(self, pod: Pod, command: str) -> str:
        """What lets the API server reach a daemon in the network of its node, or a `command` without that."""
        if not pod.spec.host_network:
            return ""
        meta = pod.metadata
        try:
            slices = await self._kube.list(
                _SLICES, _EndpointSlice, namespace="default", label_selector=_OF_API_SERVERS
            )
        except OutsideError:
            slices = []
        found = {address for each in slices for end in each.endpoints for address in end.addresses}
        networks = ", ".join(f"{ip}/{ip_address(ip).max_prefixlen}" for ip in sorted(found))
        where = networks or f"what `kubectl get endpointslices -n default -l {_OF_API_SERVERS}` shows"
        ask = f"addons {command} --url=http://localhost:{pod.status_port}"
        return (
            f"the API server must reach port {pod.status_port} of the nodes: add the addresses from which it"
            f" comes to config.adminNetworks of the chart, most likely {where}. Without that:"
            f" kubectl --namespace {meta.namespace} exec {meta.name} -- {ask}"
        )

    async def _ask(self, daemon: str, pod: Pod, about: str) -> Answer:
        name = f"{pod.metadata.namespace}/{pod.metadata.name}"
        try:
            state = await self.get(pod, "api/state", {}, State)
            if not state.leads:
                return Answer(daemon, name, state, problem=standing_by(state.leader))
            decisions = await self.get(pod, "api/decisions", {"object": about}, tuple[Decision, ...])
        except Unavailable as error:
            return Answer(
                daemon, name, problem=error.message, to_do=await self.way_in(pod, f"explain {about}")
            )
        except OutsideError as error:
            return Answer(daemon, name, problem=error.message)
        return Answer(daemon, name, state, present(decisions))

    async def get(self, pod: Pod, path: str, query: dict[str, str], type_: Any) -> Any:
        """Read what a daemon serves at a path, through the API server. Raises OutsideError."""
        meta = pod.metadata
        return await self._kube.proxied(meta.namespace, meta.name, pod.status_port, path, query, type_)


def _without_leader(asked: Iterable[Answer], leader: Answer | None) -> Answer:
    """What there is to say when none that was asked leads; one may be said to, and gave no answer."""
    told = min(asked, key=lambda answer: not answer.state.leader)
    if leader and leader is not told:
        return replace(told, problem=f"{told.problem}, but does not answer: {leader.problem}")
    return told


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


def release_of(pod: Pod) -> tuple[str, str, str]:
    """The namespace of a pod, its daemon, and the name of the release that it is of."""
    labels = pod.metadata.labels
    return pod.metadata.namespace, labels.get(_NAME, ""), labels.get(_INSTANCE, "")


def order(pod: Pod) -> tuple[tuple[str, str, str], str]:
    """Sort the pods of a release side by side."""
    return release_of(pod), pod.metadata.name


def is_on_every_node(pods: Iterable[Pod]) -> bool:
    """Whether these are the pods of a daemon of which each node has one."""
    return any(pod.metadata.controller and pod.metadata.controller.kind == "DaemonSet" for pod in pods)
