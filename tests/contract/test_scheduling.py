"""Where a pod may be, and the words when it may be nowhere: of the simulated scheduler and the real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from addons.sim.cluster.scheduler import Scheduler
from addons.sim.kubeapi.server import KubeApi
from tests.contract.conftest import SERVERS
from tests.support.api import JSON, STRATEGIC, Api, Object, connect
from tests.support.cluster import Cluster, require_assets, running

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
NOT_READY = "node.kubernetes.io/not-ready"
NOBODY = "No preemption victims found for incoming pod"
NO_NODES = "no nodes available to schedule pods"
NO_HELP = "Preemption is not helpful for scheduling"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane of this module's own: pods that others have put on nodes by name would count."""
    with running(tmp_path_factory.mktemp("scheduling"), require_assets()) as cluster:
        yield cluster


@pytest.fixture(params=SERVERS)
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """An API server with a scheduler and no nodes, and a namespace of the test's own."""
    namespace = f"t{uuid4().hex[:8]}"
    if request.param == "real":
        cluster: Cluster = request.getfixturevalue("cluster")
        async with connect(cluster.kubeconfig, cluster.tokens, namespace, cluster.etcd) as client:
            await forgets(client)
            yield client
            await client.delete(client.path("pods"))
            await client.delete("/api/v1/nodes")
        return
    server = KubeApi(tokens={})
    tokens = {"admin": server.add_user("admin", ["system:masters"])}
    async with server:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(server.kubeconfig())
        task = asyncio.create_task(Scheduler(server.store).run())
        async with connect(kubeconfig, tokens, namespace) as client:
            yield client
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def forgets(api: Api) -> None:
    """Wait until the scheduler knows of no node any more, nor of pods that were on one of the same name."""
    await api.made("pods", pod("first"))
    path = api.path("pods", "first")
    await api.until(lambda: api.get(path), lambda reply: NO_NODES in str(reply.body.get("status")))
    await api.delete(path)


def node(
    name: str,
    *,
    cpu: str = "2",
    memory: str = "4Gi",
    pods: str = "10",
    taints: Sequence[Object] = (),
    **more: Any,
) -> Object:
    """A node that is ready; `labels` come on top of its name and zone a."""
    labels = {HOST: name, ZONE: "a", **more.pop("labels", {})}
    offered = {"cpu": cpu, "memory": memory, "pods": pods}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    status = {"capacity": offered, "allocatable": offered, "conditions": [ready]}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": list(taints), **more},
        "status": status,
    }


def pod(name: str, cpu: str = "100m", *, labels: Object | None = None, **spec: Any) -> Object:
    """A pod that requests so much, with the label app=web."""
    container: Object = {"name": "main", "image": "local/busybox:1"}
    container["resources"] = {"requests": {"cpu": cpu, "memory": spec.pop("memory", "64Mi")}}
    if ports := spec.pop("ports", None):
        container["ports"] = ports
    meta = {"name": name, "labels": {"app": "web"} if labels is None else labels}
    return {"metadata": meta, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, **spec}}


async def add_nodes(api: Api, *nodes: Object) -> None:
    """Make nodes that the scheduler may use: the server calls each new one not ready at first."""
    for each in nodes:
        reply = await api.call("POST", "/api/v1/nodes", each)
        assert reply.status == 201, reply.body
    for each in nodes:
        path = f"/api/v1/nodes/{each['metadata']['name']}"

        def is_usable(reply: Any) -> bool:
            taints = reply.body["spec"].get("taints") or ()
            return all(taint["key"] != NOT_READY for taint in taints)

        await api.until(lambda path=path: api.get(path), is_usable)  # type: ignore[misc]


async def place(api: Api, wanted: Object) -> str:
    """The node that a pod is put on, or the message why it is put on none."""
    await api.made("pods", wanted)
    return await placed(api, wanted["metadata"]["name"])


async def placed(api: Api, name: str) -> str:
    """The node of a pod, or the message why it has none."""

    def condition(body: Object) -> Object:
        conditions = body.get("status", {}).get("conditions") or ()
        return next((each for each in conditions if each["type"] == "PodScheduled"), {})

    path = api.path("pods", name)
    reply = await api.until(
        lambda: api.get(path),
        lambda reply: bool(reply.body["spec"].get("nodeName") or condition(reply.body)),
    )
    return str(reply.body["spec"].get("nodeName") or condition(reply.body)["message"])


def refusal(count: int, reasons: str, *, hopeless: int = 0) -> str:
    """The message about a pod that none of so many nodes can take."""
    texts = {NO_HELP: hopeless, NOBODY: count - hopeless}
    tried = ", ".join(f"{number} {text}" for text, number in sorted(texts.items()) if number)
    none = f"0/{count} nodes are available: "
    return f"{none}{reasons}. preemption: {none}{tried}."


def term(app: str = "web", key: str = HOST) -> Object:
    """A term of affinity to pods with a label app."""
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}


def affinity(kind: str, *terms: Object) -> Object:
    """An affinity that requires terms."""
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def node_affinity(*expressions: Object) -> Object:
    """An affinity to nodes: all expressions of one term."""
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def spread(skew: int = 1, key: str = ZONE, **more: Any) -> Object:
    """A constraint over the pods with app=web."""
    selector = {"matchLabels": {"app": "web"}}
    constraint = {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule"}
    return {**constraint, "labelSelector": selector, **more}


class TestOneNode:
    async def test_a_pod_is_put_on_a_node_that_has_room(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        assert await place(api, pod("a")) == "n1"

    async def test_every_resource_that_lacks_is_counted(self, api: Api) -> None:
        await add_nodes(api, node("n1"), node("n2", memory="64Gi"))
        message = refusal(2, "1 Insufficient memory, 2 Insufficient cpu", hopeless=2)
        assert await place(api, pod("a", "3", memory="8Gi")) == message

    async def test_what_pods_request_together_must_fit(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        assert await place(api, pod("a", "1500m")) == "n1"
        assert await place(api, pod("b", "600m")) == refusal(1, "1 Insufficient cpu")
        assert await place(api, pod("c", "500m")) == "n1"

    async def test_a_node_takes_so_many_pods(self, api: Api) -> None:
        await add_nodes(api, node("n1", pods="1"))
        assert await place(api, pod("a")) == "n1"
        assert await place(api, pod("b")) == refusal(1, "1 Too many pods")

    async def test_init_containers_count_where_they_need_more(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        first: Object = {"name": "init", "image": "local/busybox:1"}
        first["resources"] = {"requests": {"cpu": "3"}}
        message = refusal(1, "1 Insufficient cpu", hopeless=1)
        assert await place(api, pod("a", initContainers=[first])) == message

    async def test_sidecars_add_up_with_the_containers(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        sidecar: Object = {"name": "side", "image": "local/busybox:1", "restartPolicy": "Always"}
        sidecar["resources"] = {"requests": {"cpu": "1500m"}}
        message = refusal(1, "1 Insufficient cpu", hopeless=1)
        assert await place(api, pod("a", "600m", initContainers=[sidecar])) == message

    async def test_a_taint_keeps_away_who_does_not_tolerate_it(self, api: Api) -> None:
        taint = {"key": "team", "value": "x", "effect": "NoSchedule"}
        await add_nodes(api, node("n1", taints=[taint]))
        message = refusal(1, "1 node(s) had untolerated taint(s)", hopeless=1)
        assert await place(api, pod("a")) == message
        equal = {"key": "team", "operator": "Equal", "value": "x", "effect": "NoSchedule"}
        assert await place(api, pod("b", tolerations=[equal])) == "n1"
        wrong = {"key": "team", "operator": "Equal", "value": "y"}
        assert await place(api, pod("c", tolerations=[wrong])) == message
        assert await place(api, pod("d", tolerations=[{"operator": "Exists"}])) == "n1"

    async def test_a_cordoned_node_takes_nobody(self, api: Api) -> None:
        await add_nodes(api, node("n1", unschedulable=True))
        message = await place(api, pod("a"))
        assert message in (
            refusal(1, "1 node(s) were unschedulable", hopeless=1),
            refusal(1, "1 node(s) had untolerated taint(s)", hopeless=1),
        )

    async def test_a_port_of_the_node_is_had_once(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        ports = [{"containerPort": 80, "hostPort": 8080}]
        assert await place(api, pod("a", ports=ports)) == "n1"
        words = "1 node(s) didn't have free ports for the requested pod ports"
        assert await place(api, pod("b", ports=ports)) == refusal(1, words)
        other = [{"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}]
        assert await place(api, pod("c", ports=other)) == "n1"


class TestSelectors:
    NO_MATCH = "1 node(s) didn't match Pod's node affinity/selector"

    async def test_a_selector_must_match(self, api: Api) -> None:
        await add_nodes(api, node("n1", labels={"team": "x"}))
        assert await place(api, pod("a", nodeSelector={"team": "x"})) == "n1"
        assert await place(api, pod("b", nodeSelector={"team": "y"})) == refusal(1, self.NO_MATCH, hopeless=1)

    @pytest.mark.parametrize(
        ("operator", "key", "values", "fits"),
        [
            ("In", "size", ["5", "6"], True),
            ("In", "none", ["5"], False),
            ("NotIn", "size", ["5"], False),
            ("NotIn", "none", ["5"], True),
            ("Exists", "size", [], True),
            ("DoesNotExist", "size", [], False),
            ("DoesNotExist", "none", [], True),
            ("Gt", "size", ["4"], True),
            ("Gt", "size", ["5"], False),
            ("Lt", "size", ["6"], True),
            ("Lt", "none", ["6"], False),
            ("Gt", "word", ["1"], False),
        ],
    )
    async def test_operators(self, api: Api, operator: str, key: str, values: list[str], fits: bool) -> None:
        await add_nodes(api, node("n1", labels={"size": "5", "word": "big"}))
        expression = {"key": key, "operator": operator} | ({"values": values} if values else {})
        wanted = pod("a", affinity=node_affinity(expression))
        assert await place(api, wanted) == ("n1" if fits else refusal(1, self.NO_MATCH, hopeless=1))


class TestOtherPods:
    async def test_pods_that_shun_each_other_are_apart(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        lonely = affinity("podAntiAffinity", term())
        assert await place(api, pod("a", affinity=lonely)) == "n1"
        words = "1 node(s) didn't match pod anti-affinity rules"
        assert await place(api, pod("b", affinity=lonely)) == refusal(1, words)

    async def test_who_is_shunned_by_a_pod_stays_away_from_it(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        assert await place(api, pod("a", affinity=affinity("podAntiAffinity", term()), labels={})) == "n1"
        words = "1 node(s) didn't satisfy existing pods anti-affinity rules"
        assert await place(api, pod("b")) == refusal(1, words)

    async def test_the_first_of_pods_that_seek_each_other_may_be_anywhere(self, api: Api) -> None:
        await add_nodes(api, node("n1"), node("n2", labels={ZONE: "b"}))
        together = affinity("podAffinity", term(key=ZONE))
        first = await place(api, pod("a", affinity=together))
        assert await place(api, pod("b", affinity=together)) == first

    async def test_who_seeks_a_pod_that_is_not_there_waits(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        words = "1 node(s) didn't match pod affinity rules"
        seeking = affinity("podAffinity", term("db"))
        assert await place(api, pod("a", affinity=seeking)) == refusal(1, words, hopeless=1)

    async def test_pods_of_other_namespaces_do_not_count(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        assert await place(api, pod("a")) == "n1"
        elsewhere = {**term(), "namespaces": ["default"]}
        assert await place(api, pod("b", affinity=affinity("podAntiAffinity", elsewhere))) == "n1"
        everywhere = {**term(), "namespaceSelector": {}}
        words = "1 node(s) didn't match pod anti-affinity rules"
        wanted = pod("c", affinity=affinity("podAntiAffinity", everywhere), labels={})
        assert await place(api, wanted) == refusal(1, words)


class TestSpread:
    WORDS = "1 node(s) didn't match pod topology spread constraints"

    async def test_zones_differ_by_no_more_than_the_skew(self, api: Api) -> None:
        await add_nodes(api, node("n1"), node("n2", labels={ZONE: "b"}, cpu="100m"))
        wanted: Any = {"topologySpreadConstraints": [spread()]}
        found = {await place(api, pod(name, **wanted)) for name in "ab"}
        assert found == {"n1", "n2"}
        assert await place(api, pod("c", **wanted)) == "n1"
        message = refusal(2, f"1 Insufficient cpu, {self.WORDS}")
        assert await place(api, pod("d", **wanted)) == message

    async def test_a_node_without_the_label_is_none(self, api: Api) -> None:
        bare = node("n1")
        del bare["metadata"]["labels"][ZONE]
        await add_nodes(api, bare)
        words = f"{self.WORDS} (missing required label)"
        message = refusal(1, words, hopeless=1)
        assert await place(api, pod("a", topologySpreadConstraints=[spread()])) == message

    async def test_too_few_domains_count_as_empty_ones(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        wanted: Any = {"topologySpreadConstraints": [spread(minDomains=2)]}
        assert await place(api, pod("a", **wanted)) == "n1"
        assert await place(api, pod("b", **wanted)) == refusal(1, self.WORDS)

    async def test_nodes_that_the_pod_does_not_want_are_no_domains(self, api: Api) -> None:
        await add_nodes(api, node("n1", labels={"team": "x"}), node("n2", labels={ZONE: "b"}))
        wanted: Any = {"topologySpreadConstraints": [spread()], "nodeSelector": {"team": "x"}}
        assert await place(api, pod("a", **wanted)) == "n1"
        assert await place(api, pod("b", **wanted)) == "n1"

    async def test_tainted_nodes_are_domains_unless_they_are_not_to_be(self, api: Api) -> None:
        taint = {"key": "team", "effect": "NoSchedule"}
        await add_nodes(api, node("n1"), node("n2", labels={ZONE: "b"}, taints=[taint]))
        wanted: Any = {"topologySpreadConstraints": [spread()]}
        assert await place(api, pod("a", **wanted)) == "n1"
        message = refusal(2, f"{self.WORDS}, 1 node(s) had untolerated taint(s)", hopeless=1)
        assert await place(api, pod("b", **wanted)) == message
        honest: Any = {"topologySpreadConstraints": [spread(nodeTaintsPolicy="Honor")]}
        assert await place(api, pod("c", **honest)) == "n1"


class TestVolumes:
    def claiming(self, name: str, claim: str = "data") -> Object:
        """A pod that wants a claim."""
        return pod(name, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": claim}}])

    async def bind(self, api: Api, zone: str) -> None:
        """Make a claim that is bound to a volume of a zone."""
        volume = f"pv-{api.namespace}"
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": volume}
        claim = {
            "metadata": {"name": "data"},
            "spec": {**spec, "resources": {"requests": {"storage": "1Gi"}}},
        }
        made = await api.made("persistentvolumeclaims", claim)
        terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
        about = {"namespace": api.namespace, "name": "data", "uid": made["metadata"]["uid"]}
        there = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": about,
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        }
        body = {"metadata": {"name": volume}, "spec": there}
        reply = await api.call("POST", "/api/v1/persistentvolumes", body)
        assert reply.status == 201, reply.body
        if "://127" in api.url and not api.etcd:
            path = api.path("persistentvolumeclaims", "data") + "/status"
            await api.patch(path, {"status": {"phase": "Bound"}}, STRATEGIC)
        else:
            path = api.path("persistentvolumeclaims", "data")
            await api.until(lambda: api.get(path), lambda reply: reply.body["status"]["phase"] == "Bound")

    async def test_a_claim_must_be_there(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        message = '0/1 nodes are available: persistentvolumeclaim "data" not found. not found'
        assert await place(api, self.claiming("a")) == message

    async def test_a_claim_that_waits_for_nobody_must_be_bound(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none"}
        body = {"metadata": {"name": "data"}, "spec": {**spec, "resources": {"requests": {"storage": "1Gi"}}}}
        await api.made("persistentvolumeclaims", body)
        message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        assert await place(api, self.claiming("a")) == message

    async def test_a_volume_ties_its_pod_to_its_zone(self, api: Api) -> None:
        await add_nodes(api, node("n1"), node("n2", labels={ZONE: "b"}))
        await self.bind(api, "b")
        assert await place(api, self.claiming("a")) == "n2"

    async def test_a_volume_of_another_zone_keeps_its_pod_away(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        await self.bind(api, "b")
        message = refusal(1, "1 node(s) didn't match PersistentVolume's node affinity", hopeless=1)
        assert await place(api, self.claiming("a")) == message


class TestOrder:
    async def test_without_nodes_it_says_so(self, api: Api) -> None:
        assert await place(api, pod("a")) == "no nodes available to schedule pods"

    async def test_a_gated_pod_waits_for_its_gates(self, api: Api) -> None:
        await add_nodes(api, node("n1"))
        wanted = pod("a", schedulingGates=[{"name": "example.org/wait"}])
        assert "scheduling gates" in await place(api, wanted)
        removal = [{"op": "remove", "path": "/spec/schedulingGates"}]
        reply = await api.patch(api.path("pods", "a"), removal, JSON)
        assert reply.status == 200, reply.body
        path = api.path("pods", "a")
        await api.until(lambda: api.get(path), lambda reply: reply.body["spec"].get("nodeName") == "n1")

    async def test_a_node_that_asks_to_stay_away_is_taken_last(self, api: Api) -> None:
        taint = {"key": "leaving", "effect": "PreferNoSchedule"}
        await add_nodes(api, node("n1", taints=[taint]), node("n2", cpu="1900m"))
        assert await place(api, pod("a")) == "n2"
        assert await place(api, pod("b", "1900m")) == "n1"

    async def test_a_waiting_pod_is_put_on_the_next_node(self, api: Api) -> None:
        await add_nodes(api, node("n1", cpu="50m"))
        assert await place(api, pod("a")) == refusal(1, "1 Insufficient cpu", hopeless=1)
        await add_nodes(api, node("n2"))
        path = api.path("pods", "a")
        await api.until(lambda: api.get(path), lambda reply: reply.body["spec"].get("nodeName") == "n2")
