"""Names of pods on real nodes: what a resolver is told while real controllers roll and scale them.

It asks the authoritative server for every name twenty times a second. What it was told is compared afterwards
with the lives of the pods, as the API server told of them.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Any
from uuid import uuid4

import pytest

from addons.demo.daemon import Daemon, running
from addons.demo.world import ZONE, World
from addons.sim.ports import free_port
from tests.support.api import Api, connect
from tests.support.cluster import Cluster
from tests.support.lives import Life, Lives, Span, joined
from tests.support.nodes import Site
from tests.support.resolver import Answer, Resolver
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(180)]

HOLD = 6.0
"""Seconds for which the name of a pod that is gone is kept."""

TTL = 4
"""Seconds for which a resolver may keep an answer, and so an old address for longer than is told here."""

PROPAGATION = 3.0
"""Seconds within which the zone follows a pod; it takes well under one on an idle machine."""

DB = f"db.{ZONE}"
WEB = f"web.{ZONE}"
HOSTNAME = "external-dns.kubernetes.io/hostname"
SECONDS_TTL = "external-dns.kubernetes.io/ttl"
POD_RECORDS = "dns.aws-addons.io/pod-records"

Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(site: Site) -> Cluster:
    """The cluster with nodes, in the place of the one without."""
    return site.cluster


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    """A client for the API server, with a namespace of the test's own."""
    async with connect(cluster.kubeconfig, cluster.tokens, f"t{uuid4().hex[:8]}") as api:
        yield api


@pytest.fixture
async def lives(api: Api) -> AsyncIterator[Lives]:
    """The pods of the test."""
    lives = Lives(api)
    async with lives.followed():
        yield lives


@pytest.fixture
async def resolver(world: World, api: Api) -> AsyncIterator[Resolver]:
    """A resolver that asks nothing yet, for a zone that a daemon keeps."""
    flags = (
        f"--kubeconfig={world.kubeconfig}",
        f"--aws-endpoint-url={world.aws.url}",
        "--source=service",
        f"--namespace={api.namespace}",
        "--no-leader-elect",
        f"--domain-filter={ZONE}",
        "--txt-owner-id=e2e",
        "--policy=sync",
        f"--pod-record-hold={HOLD:.0f}s",
        "--min-event-sync-interval=200ms",
    )
    daemon = Daemon(world, "dns", flags, free_port())
    async with running(daemon):
        await daemon.ready(30)
        yield Resolver(world.names.address)
        print(daemon.log.read_text())


def headless(name: str, **annotations: str) -> Object:
    """A headless Service for the pods with the label app=NAME, and a TTL for its names."""
    said = {HOSTNAME: f"{name}.{ZONE}", SECONDS_TTL: str(TTL), **annotations}
    spec = {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]}
    return {"metadata": {"name": name, "annotations": said}, "spec": spec}


def workload(name: str, **fields: object) -> Object:
    """The body of a StatefulSet or Deployment of three pods, which take a second to end."""
    container = {
        "name": "main",
        "image": "local/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", "trap 'sleep 1; exit' TERM; sleep 1000 & wait"],
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 2, "containers": [container]},
    }
    spec = {
        "replicas": 3,
        "minReadySeconds": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": template,
        **fields,
    }
    return {"metadata": {"name": name}, "spec": spec}


class Workload:
    """A StatefulSet or Deployment that is made, rolled and scaled, each until its controller has done it."""

    def __init__(self, api: Api, collection: str, body: Object) -> None:
        self._api = api
        self._collection = collection
        self._body = body
        self._path = api.path(collection, body["metadata"]["name"])

    async def make(self) -> None:
        await self._api.made(self._collection, self._body)
        await self._settled()

    async def roll(self) -> None:
        annotations = {"test/round": uuid4().hex}
        await self._patch({"template": {"metadata": {"annotations": annotations}}})

    async def scale(self, replicas: int) -> None:
        await self._patch({"replicas": replicas})

    async def _patch(self, spec: Object) -> None:
        reply = await self._api.patch(self._path, {"spec": spec})
        assert reply.status == 200, reply.body
        await self._settled()

    async def _settled(self) -> None:
        """Wait until the controller has seen the spec, and all pods are of its template and ready."""

        async def look() -> bool:
            return is_settled((await self._api.get(self._path)).body)

        await until(look, "the pods are settled", seconds=60)


def is_settled(held: Object) -> bool:
    """True when the pods are as many as asked for, of the current template, and ready."""
    wanted, status = held["spec"]["replicas"], held["status"]
    counts = {status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas")}
    is_current = status.get("updateRevision") == status.get("currentRevision")
    return (
        status.get("observedGeneration") == held["metadata"]["generation"]
        and counts == {wanted}
        and is_current
    )


def there(pods: Iterable[Life]) -> set[str]:
    """The addresses of the pods that are ready and stay."""
    return {pod.address for pod in pods if pod.ready < pod.leaving == inf}


def seen(answers: Iterable[Answer], pods: Iterable[Life]) -> float:
    """When a resolver was first told of one of the pods."""
    addresses = {pod.address for pod in pods}
    return min((answer.asked for answer in answers if answer.addresses & addresses), default=inf)


def own_name(answers: Sequence[Answer], pods: Iterable[Life]) -> list[Span]:
    """When the name of one pod, then the next, must be there: once seen, until it was gone for the hold."""
    return joined((seen(answers, [pod]), pod.gone + HOLD) for pod in pods)


def shared_name(answers: Sequence[Answer], pods: Sequence[Life]) -> list[Span]:
    """When the name of several pods must be there: once seen, while one of them is ready."""
    first = seen(answers, pods)
    return [(max(first, start), end) for start, end in joined((pod.ready, pod.leaving) for pod in pods)]


def without_address(answers: Iterable[Answer], promised: Sequence[Span]) -> list[Answer]:
    """The answers without an address at times at which one was promised."""
    return [
        answer
        for answer in answers
        if not answer.addresses and any(start <= answer.asked <= end for start, end in promised)
    ]


def outdated(answers: Iterable[Answer], ends: Mapping[str, float]) -> list[tuple[Answer, float]]:
    """The answers with an address whose end had come, and how many seconds before."""
    return [
        (answer, answer.asked - ends[address])
        for answer in answers
        for address in answer.addresses
        if answer.asked > ends[address]
    ]


def check_answers(answers: Sequence[Answer]) -> None:
    """There was no second without an answer, and none may be kept for longer than it should."""
    assert max(later.asked - earlier.asked for earlier, later in pairwise(answers)) < 1
    assert {answer.ttl for answer in answers if answer.addresses} == {TTL}


def check_shared_name(answers: Sequence[Answer], pods: Sequence[Life]) -> None:
    """It was never empty, since a pod was ready at any time; who began to leave was left out at once."""
    check_answers(answers)
    promised = shared_name(answers, pods)
    assert len(promised) == 1
    assert without_address(answers, promised) == []
    assert outdated(answers, {pod.address: pod.leaving + PROPAGATION for pod in pods}) == []


async def test_each_pod_of_a_stateful_set_has_its_name_while_it_is_rolled_and_scaled(
    api: Api, lives: Lives, resolver: Resolver
) -> None:
    names = {f"db-{number}": f"db-{number}.{DB}" for number in range(3)}
    await api.made("services", headless("db", **{POD_RECORDS: "true"}))
    database = Workload(api, "apps/v1/statefulsets", workload("db", serviceName="db"))

    def followed() -> bool:
        own = all(resolver.now(names[pod]) == there(lives.all(pod)) for pod in names)
        return own and resolver.now(DB) == there(lives.all())

    async with resolver.asking(DB, *names.values()):
        await database.make()
        await until(followed, "three names")
        await database.roll()
        await until(followed, "three names with new addresses")
        await database.scale(1)
        await until(followed, "one name")
        await database.scale(3)
        await until(followed, "three names again")

    assert [len(lives.all(pod)) for pod in names] == [2, 3, 3]
    for pod, name in names.items():
        answers, pods = resolver.of(name), lives.all(pod)
        check_answers(answers)
        assert {address for each in answers for address in each.addresses} == {each.address for each in pods}
        assert without_address(answers, own_name(answers, pods)) == []
        assert outdated(answers, {each.address: each.gone + HOLD + PROPAGATION for each in pods}) == []
    check_shared_name(resolver.of(DB), lives.all())


async def test_the_name_of_a_deployment_leads_to_its_ready_pods_while_it_is_rolled_and_scaled(
    api: Api, lives: Lives, resolver: Resolver
) -> None:
    await api.made("services", headless("web"))
    web = Workload(api, "apps/v1/deployments", workload("web"))

    def followed() -> bool:
        return resolver.now(WEB) == there(lives.all())

    async with resolver.asking(WEB):
        await web.make()
        await until(followed, "three addresses")
        await web.roll()
        await web.roll()
        await until(followed, "three new addresses")
        await web.scale(1)
        await until(followed, "one address")
        await web.scale(3)
        await until(followed, "three addresses again")

    assert len(lives.all()) == 11
    check_shared_name(resolver.of(WEB), lives.all())
