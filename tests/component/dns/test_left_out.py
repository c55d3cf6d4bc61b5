"""A slip in a setting that narrows deletes nothing: what it leaves out is held, and goes when approved."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from addons.sim.aws.route53.model import RecordSet
from addons.sim.kubeapi.faults import Fault
from tests.component.dns.test_sources import (
    EXTERNAL,
    GATEWAY,
    define,
    define_gateways,
    dns_endpoint,
    entry,
    gateway,
    node,
    route,
)
from tests.support.dns_world import PREFIX, TEXT, Object, World, service
from tests.support.permits import NEVER, PERMIT
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

ALL = "--source=service,ingress,node,pod,crd,gateway-httproute"


def ingress() -> Object:
    return {
        "metadata": {"name": "shop"},
        "spec": {
            "ingressClassName": "alb",
            "rules": [{"host": "rule.example.com"}],
            "tls": [{"hosts": ["tls.example.com"]}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}},
    }


def pod() -> Object:
    return {
        "metadata": {"name": "p", "annotations": {PREFIX + "hostname": "pod.example.com"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {
            "phase": "Running",
            "podIP": "192.0.2.5",
            "podIPs": [{"ip": "192.0.2.5"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def cluster_ip() -> Object:
    return {
        "metadata": {"name": "inside", "annotations": {PREFIX + "hostname": "inside.example.com"}},
        "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.7", "ports": [{"port": 80}]},
    }


def fill(world: World) -> None:
    """An object of every source, with a record each, and two of the Ingress."""
    define(world, EXTERNAL, "DNSEndpoint")
    define_gateways(world)
    world.create(service("www", "192.0.2.1"), cluster_ip())
    world.create(ingress(), kind="ingresses", version="networking.k8s.io/v1")
    world.create(dns_endpoint("one", entry("crd", "A", "192.0.2.3")), kind="dnsendpoints", version=EXTERNAL)
    world.create(node("node", "192.0.2.4"), kind="nodes")
    world.create(pod(), kind="pods")
    world.create(gateway({"from": "All"}, "192.0.2.6"), kind="gateways", version=GATEWAY)
    world.create(route("route"), kind="httproutes", version=GATEWAY)


EVERYTHING = {
    "www": ("192.0.2.1",),
    "inside": ("10.0.0.7",),
    "rule": ("192.0.2.2",),
    "tls": ("192.0.2.2",),
    "crd": ("192.0.2.3",),
    "node": ("192.0.2.4",),
    "pod": ("192.0.2.5",),
    "route": ("192.0.2.6",),
}
PUBLISH = "--publish-internal-services"

NARROW: dict[str, tuple[tuple[str, ...], str, set[str]]] = {
    "namespace": (
        (ALL, PUBLISH, "--namespace=nope"),
        "--namespace=nope",
        set(EVERYTHING) - {"node"},
    ),
    "label filter": ((ALL, PUBLISH, "--label-filter=app=x"), "--label-filter=app=x", set(EVERYTHING)),
    "annotation filter": (
        (ALL, PUBLISH, "--annotation-filter=team in (x)"),
        "--annotation-filter=team in (x)",
        set(EVERYTHING),
    ),
    "annotation prefix": (
        (ALL, PUBLISH, "--annotation-prefix=exernal-dns.kubernetes.io/"),
        "--annotation-prefix=exernal-dns.kubernetes.io/",
        {"www", "inside", "pod"},
    ),
    "class": ((ALL, PUBLISH, "--ingress-class=ngnix"), "--ingress-class=ngnix", {"rule", "tls"}),
    "type": (
        (ALL, PUBLISH, "--service-type-filter=NodePort"),
        "--service-type-filter=NodePort",
        {"www", "inside"},
    ),
    "rules": ((ALL, PUBLISH, "--ignore-ingress-rules-spec"), "--ignore-ingress-rules-spec", {"rule"}),
    "certificates": ((ALL, PUBLISH, "--ignore-ingress-tls-spec"), "--ignore-ingress-tls-spec", {"tls"}),
    "annotations": (
        (ALL, PUBLISH, "--ignore-hostname-annotation"),
        "--ignore-hostname-annotation",
        {"www", "inside", "pod"},
    ),
    "gateway": ((ALL, PUBLISH, "--gateway-name=egde"), "--gateway-name=egde", {"route"}),
    "namespace of gateways": (
        (ALL, PUBLISH, "--gateway-namespace=nope"),
        "--gateway-namespace=nope",
        {"route"},
    ),
    "labels of gateways": (
        (ALL, PUBLISH, "--gateway-label-filter=a=b"),
        "--gateway-label-filter=a=b",
        {"route"},
    ),
    "networks": (
        (ALL, PUBLISH, "--target-net-filter=10.0.0.0/8"),
        "--target-net-filter=10.0.0.0/8",
        set(EVERYTHING) - {"inside"},
    ),
    "other networks": (
        (ALL, PUBLISH, "--exclude-target-net=192.0.2.0/24"),
        "--exclude-target-net=192.0.2.0/24",
        set(EVERYTHING) - {"inside"},
    ),
    "source": (
        ("--source=service", PUBLISH),
        "--source=service",
        set(EVERYTHING) - {"www", "inside"},
    ),
    "two at once": (
        (ALL, PUBLISH, "--label-filter=app=x", "--ingress-class=ngnix"),
        "--label-filter=app=x and --ingress-class=ngnix",
        {"rule", "tls"},
    ),
}


def held(world: World) -> dict[str, str]:
    """The names that are held as filtered out, with what is told."""
    found = [one for one in world.decisions.newest() if one.reason == "FilteredOut"]
    return {one.key.partition("/")[2].removesuffix(".example.com"): one.message for one in found}


@pytest.mark.parametrize(("flags", "told", "names"), NARROW.values(), ids=NARROW.keys())
class TestSlips:
    """A setting that leaves objects out, found at the start of a daemon that may delete."""

    async def test_nothing_is_deleted_and_the_setting_is_told(
        self, world: World, flags: tuple[str, ...], told: str, names: set[str]
    ) -> None:
        fill(world)
        assert await world.once(ALL, PUBLISH) == {}
        assert world.records() == EVERYTHING
        assert await world.once(*flags, "--delete-budget=100") == {}
        assert world.records() == EVERYTHING
        assert {name for name, message in held(world).items() if f": {told} leaves out" in message} == names

    async def test_without_sync_no_object_is_blamed(
        self, world: World, flags: tuple[str, ...], told: str, names: set[str]
    ) -> None:
        fill(world)
        assert await world.once(ALL, PUBLISH) == {}
        assert await world.once(*flags, "--policy=upsert-only") == {}
        assert {name for name, message in held(world).items() if f": {told} leaves out" in message} == names
        assert not any("no longer asks" in one.message for one in world.decisions.newest())

    async def test_what_a_person_approves_goes(
        self, world: World, flags: tuple[str, ...], told: str, names: set[str]
    ) -> None:
        fill(world)
        await world.once(ALL, PUBLISH)
        await world.once(*flags)
        (approval,) = {
            found for message in held(world).values() for found in re.findall(r"=(\w{12}) ", message)
        }
        everything_held = set(held(world))
        assert await world.once(*flags, f"--approve-plan={approval}") == {}
        assert set(world.records()) == set(EVERYTHING) - everything_held
        assert names <= everything_held


class TestTheObject:
    """What the object itself does is never held."""

    async def test_one_that_is_gone_is_not_held(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"), service("api", "192.0.2.2"))
        await world.once()
        world.delete("www")
        assert await world.once("--label-filter=app=x") == {}
        assert list(held(world)) == ["api"]
        assert world.records() == {"api": ("192.0.2.2",)}

    async def test_one_of_another_namespace_that_is_gone_is_not_held(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"), service("api", "192.0.2.2"))
        await world.once()
        world.delete("www")
        assert await world.once("--namespace=nope") == {}
        assert world.records() == {"api": ("192.0.2.2",)}

    async def test_one_that_leaves_the_filter_while_we_watch_has_withdrawn(self, world: World) -> None:
        labelled = service("www", "192.0.2.1")
        labelled["metadata"]["labels"] = {"app": "x"}
        world.create(labelled)
        async with world.running("--label-filter=app=x", "--interval=1s"):
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            world.update(service("www", "192.0.2.1"))
            await until(lambda: world.records() == world.records("TXT") == {})
        assert held(world) == {}

    async def test_one_that_has_another_name_by_now_does_not_ask_for_the_old_one(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        await world.once()
        world.update(service("www", "192.0.2.1", hostname="api.example.com"))
        assert await world.once("--annotation-filter=a notin (b)") == {}
        assert world.records() == {"api": ("192.0.2.1",)}

    async def test_a_change_of_what_is_left_out_lets_it_go(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        await world.once()
        async with world.running("--label-filter=app=x", "--interval=1s"):
            await until(lambda: list(held(world)) == ["www"])
            world.update(service("www", "192.0.2.1", hostname=","))
            await until(lambda: world.records() == {})

    async def test_names_of_pods_belong_to_their_service(self, world: World) -> None:
        annotations = {PREFIX + "hostname": "db.example.com", "dns.aws-addons.io/pod-records": "true"}
        headless = {
            "metadata": {"name": "db", "annotations": annotations},
            "spec": {"clusterIP": "None", "ports": [{"port": 80}]},
        }
        world.create(headless)
        for name in ("db", "db-0.db"):
            data = RecordSet(f"{name}.example.com", "A", ttl=10, values=("10.0.0.1",))
            text = RecordSet(f"a-{name}.example.com", "TXT", ttl=300, values=(TEXT.format("db"),))
            world.aws.route53.change(world.zone_id, [("CREATE", data), ("CREATE", text)])
        assert await world.once("--namespace=nope") == {}
        assert sorted(held(world)) == ["db", "db-0.db"]

    async def test_a_service_that_changes_its_type_while_we_watch_has_withdrawn(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.running("--interval=1s"):
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            world.update(cluster_ip() | {"metadata": service("www")["metadata"]})
            await until(lambda: world.records() == {})

    async def test_one_that_has_another_name_by_template_and_one_of_its_own_before_is_held(
        self, world: World
    ) -> None:
        world.create(service("www", "192.0.2.1"))
        await world.once()
        world.update(service("www", "192.0.2.1", hostname=","))
        assert await world.once("--fqdn-template={{.Name}}.t.example.com") == {}
        assert set(world.records()) == {"www", "www.t"}
        assert "--fqdn-template={{.Name}}.t.example.com leaves out" in held(world)["www"]


BEFORE_AND_AFTER: dict[str, tuple[str, str, str, set[str]]] = {
    "another template": (
        "--fqdn-template={{.Name}}.t.example.com",
        "--fqdn-template={{.Name}}.exmaple.com",
        "--fqdn-template={{.Name}}.exmaple.com",
        {"plain.t", "node.example.com.t"},
    ),
    "no template, for nodes": (
        "--fqdn-template={{.Name}}.t.example.com",
        "--interval=1m",
        "no --fqdn-template",
        {"node.example.com.t"},
    ),
    "a template for less": (
        "--fqdn-template={{.Name}}.t.example.com --combine-fqdn-annotation",
        "--fqdn-template={{.Name}}.t.example.com",
        "--no-combine-fqdn-annotation",
        {"www.t", "shop.t", "p.t", "route.t"},
    ),
    "another domain of pods": (
        "--pod-source-domain=pods.example.com",
        "--pod-source-domain=pdos.example.com",
        "--pod-source-domain=pdos.example.com",
        {"p.pods"},
    ),
    "no domain of pods": (
        "--pod-source-domain=pods.example.com",
        "--interval=1m",
        "no --pod-source-domain",
        {"p.pods"},
    ),
    "services of the cluster": (PUBLISH, "--interval=1m", "--no-publish-internal-services", {"inside"}),
}


@pytest.mark.parametrize(
    ("before", "after", "told", "names"), BEFORE_AND_AFTER.values(), ids=BEFORE_AND_AFTER.keys()
)
async def test_names_that_a_setting_made_are_held_when_it_changes(
    world: World, before: str, after: str, told: str, names: set[str]
) -> None:
    fill(world)
    world.create(service("plain", "192.0.2.7", hostname=","))
    assert await world.once(ALL, *before.split()) == {}
    made = world.records()
    assert await world.once(ALL, *after.split(), "--delete-budget=100") == {}
    assert {name for name, message in held(world).items() if f": {told} leaves out" in message} == names
    kept = {name: values for name, values in world.records().items() if name in names}
    assert kept == {name: made[name] for name in names}


class TestLooking:
    """Objects that are not watched are looked for, as seldom as that may be."""

    def looks(self, world: World) -> int:
        """How often something was looked for where nothing is watched."""
        return sum((one.verb, one.namespace) == ("list", "default") for one in world.api.requests)

    async def test_each_is_looked_for_once_in_five_minutes(self, world: World) -> None:
        world.create(service("www", "192.0.2.1", hostname="www.example.com,api.example.com"))
        await world.once()
        async with world.controller("--namespace=nope", "--interval=0s") as controller:
            await controller.run_once(NEVER)
            for _ in range(5):
                await controller.reconcile(world.zone_id, PERMIT)
        assert self.looks(world) == 1
        assert sorted(held(world)) == ["api", "www"]

    @pytest.mark.parametrize("status", [403, 500])
    async def test_where_nothing_may_be_seen_all_is_held(self, world: World, status: int) -> None:
        world.create(service("www", "192.0.2.1"))
        await world.once()
        world.delete("www")
        world.api.faults.add(Fault(verb="list", resource="services", status=status))
        assert await world.once("--namespace=nope") == {}
        assert world.records() == {"www": ("192.0.2.1",)}
        assert "--namespace=nope (we may not see whether it is there: " in held(world)["www"]

    async def test_a_kind_that_no_source_reads_is_held(self, world: World) -> None:
        data = RecordSet("istio.example.com", "A", ttl=300, values=("192.0.2.8",))
        said = (TEXT.format("x").replace("service/default", "virtualservice/default"),)
        text = RecordSet("a-istio.example.com", "TXT", ttl=300, values=said)
        world.aws.route53.change(world.zone_id, [("CREATE", data), ("CREATE", text)])
        assert await world.once() == {}
        assert held(world)["istio"].startswith(
            "istio.example.com stays: --source=service,ingress leaves out virtualservice/default/x"
        )


async def test_the_state_has_the_hash_and_a_dry_run_the_reason(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    await world.once()
    lines: list[Any] = []
    keep: Callable[[Any], None] = lines.extend
    async with world.controller("--once", "--namespace=nope", print_plan=keep) as controller:
        await controller.run_once(NEVER)
        state: dict[str, Any] = controller.state()
    zone = state["zones"][0]
    assert (zone["filteredOut"]["count"], zone["filteredOut"]["names"]) == (1, ["www.example.com"])
    assert [(line.action, line.object, line.details["reason"]) for line in lines] == [
        ("skip", "service/default/www", "FilteredOut")
    ]
    assert zone["filteredOut"]["approval"] in lines[0].because
