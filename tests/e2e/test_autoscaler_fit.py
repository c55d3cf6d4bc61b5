"""What the simulation of the autoscaler says of a pod and a node, the real kube-scheduler says too."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import NodeTerm, PodClass, Requirement, Taint
from addons.autoscaler.plan.cluster import Cluster
from tests.support.api import Api, Reply, connect
from tests.support.as_cluster import WEB, snapshot
from tests.support.as_cluster import node as made_node
from tests.support.as_drawn import NAMESPACES, ZONE, classes, clusters
from tests.support.as_scheduled import (
    acceptable,
    csi_node,
    node_object,
    node_status,
    pod_object,
    volume_objects,
)
from tests.support.cluster import find_assets, running
from tests.support.drawn import Draw

pytestmark = [pytest.mark.kube, pytest.mark.timeout(180)]

Case = tuple[list[Node], list[PodClass]]
NOT_READY = "node.kubernetes.io/not-ready"
DRIVER = "ebs.csi.aws.com"
CORDONED = "node.kubernetes.io/unschedulable"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """A control plane of the test's own: no other nodes, and namespaces with the drawn names."""
    if (assets := find_assets()) is None:
        pytest.skip("no real Kubernetes; `make kube` builds one")
    with running(tmp_path / "k", assets) as cluster:
        async with connect(cluster.kubeconfig, cluster.tokens, "fit") as api:
            for name, labels in NAMESPACES.items():
                body = {"metadata": {"name": name, "labels": labels}}
                assert (await api.call("POST", "/api/v1/namespaces", body)).status == 201
            yield api


def drawn(number: int, count: int) -> list[Case]:
    """So many clusters, each with pods in the order in which they come."""
    found: list[Case] = []
    few = st.lists(classes, min_size=4, max_size=5)
    pods = few.flatmap(lambda kinds: st.lists(st.sampled_from(kinds), min_size=16, max_size=16))

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(clusters(least=4), pods))
    def note(case: Case) -> None:
        found.append(case)

    note()
    return found


async def join(api: Api, nodes: Sequence[Node]) -> list[Node]:
    """Let nodes join and be ready; return them with the taints that they have then."""
    settled = []
    for node in nodes:
        assert (await api.call("POST", "/api/v1/nodes", node_object(node))).status == 201
        assert (await api.patch(f"/api/v1/nodes/{node.name}/status", node_status(node))).status == 200
    for node in nodes:

        def is_settled(reply: Reply, node: Node = node) -> bool:
            keys = {each["key"] for each in reply.body["spec"].get("taints", ())}
            return NOT_READY not in keys and (CORDONED in keys) == node.is_unschedulable

        reply = await api.until(lambda node=node: api.get(f"/api/v1/nodes/{node.name}"), is_settled)  # type: ignore[misc]
        taints = tuple(
            Taint(each["key"], each.get("value", ""), each["effect"])
            for each in reply.body["spec"].get("taints", ())
        )
        settled.append(replace(node, taints=taints, not_ready_why=""))
    return settled


async def scheduled(api: Api, cls: PodClass, name: str, claim: str = "") -> str:
    """Create a pod; return the node that the scheduler binds it to, or its words when there is none."""
    path = api.path("pods", name, namespace=cls.namespace)
    made = await api.call("POST", api.path("pods", namespace=cls.namespace), pod_object(cls, name, claim))
    assert made.status == 201, made.body

    def outcome(reply: Reply) -> str:
        conditions = reply.body.get("status", {}).get("conditions", ())
        words = [each.get("message", "") for each in conditions if each["type"] == "PodScheduled"]
        return str(reply.body["spec"].get("nodeName") or "".join(words))

    reply = await api.until(lambda: api.get(path), lambda each: bool(outcome(each)))
    return outcome(reply)


async def clean(api: Api, nodes: Sequence[Node]) -> None:
    for namespace in NAMESPACES:
        path = api.path("pods", namespace=namespace)
        await api.delete(path, {"gracePeriodSeconds": 0})
        await api.until(lambda path=path: api.get(path), lambda reply: not reply.body["items"])  # type: ignore[misc]
    for node in nodes:
        await api.delete(f"/api/v1/nodes/{node.name}")


async def test_the_real_scheduler_binds_and_refuses_as_the_simulation_says(api: Api, draw: Draw) -> None:
    bound = refused = 0
    for nodes, pods in drawn(draw.random().getrandbits(32), draw.rounds(4, of=40)):
        there = await join(api, [replace(each, volume_limits={}) for each in nodes])
        cluster = Cluster.of(snapshot(there))
        same = {cls: acceptable(cls) for cls in pods}
        for number, drawn_class in enumerate(pods):
            cls = same[drawn_class]
            why = {name: cluster.why_not(cls, name) for name in cluster.order}
            allowed = {name for name, refusal in why.items() if refusal is None}
            said = await scheduled(api, cls, f"p{number}")
            if said in why:
                assert said in allowed, (cls, said, why)
                cluster.place(cls, said)
                bound += 1
            else:
                assert not allowed, (cls, said, why)
                await api.delete(api.path("pods", f"p{number}", namespace=cls.namespace))
                refused += 1
        await clean(api, there)
    assert bound
    assert refused


async def test_volumes_are_reached_and_attached_as_the_simulation_says(api: Api) -> None:
    limits = {"n1": ("a", 1), "n2": ("a", 2), "n3": ("b", 9)}
    wanted = [made_node(name, zone, volume_limits={DRIVER: most}) for name, (zone, most) in limits.items()]
    cluster = Cluster.of(snapshot(await join(api, wanted)))
    for each in wanted:
        made = await api.call("POST", "/apis/storage.k8s.io/v1/csinodes", csi_node(each))
        assert made.status == 201, made.body
    terms = (NodeTerm((Requirement(ZONE, "In", ("a",)),)),)
    cls = replace(WEB, volumes={DRIVER: 1}, volume_terms=(terms,))
    for number in range(4):
        claim = await bound_claim(api, f"data-{number}", terms)
        allowed = {name for name in cluster.order if cluster.why_not(cls, name) is None}
        said = await scheduled(api, cls, f"p{number}", claim)
        assert (said in allowed) == bool(allowed), (said, allowed)
        if allowed:
            cluster.place(cls, said)
    codes = {name: why.code for name in cluster.order if (why := cluster.why_not(cls, name))}
    assert codes == {"n1": names.VOLUME_LIMIT, "n2": names.VOLUME_LIMIT, "n3": names.VOLUME_ZONE}


async def bound_claim(api: Api, name: str, terms: tuple[NodeTerm, ...]) -> str:
    """Make a volume and its claim; return the claim once both are bound."""
    volume, claim = volume_objects(name, DRIVER, terms, WEB.namespace)
    made = await api.call("POST", "/api/v1/persistentvolumes", volume)
    assert made.status == 201, made.body
    path = api.path("persistentvolumeclaims", namespace=WEB.namespace)
    made = await api.call("POST", path, claim)
    assert made.status == 201, made.body
    await api.until(
        lambda: api.get(f"{path}/{name}"), lambda reply: reply.body["status"].get("phase") == "Bound"
    )
    return name
