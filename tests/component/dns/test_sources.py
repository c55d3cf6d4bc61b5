"""The sources node, crd and Gateway routes, between an emulated API server and a simulated Route 53."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from addons.runtime.clock import utc_now
from addons.sim.kubeapi.faults import Fault
from tests.support.dns_world import CHANGE, PREFIX, World, service
from tests.support.permits import NEVER
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

Object = dict[str, Any]

EXTERNAL = "externaldns.k8s.io/v1alpha1"
GATEWAY = "gateway.networking.k8s.io/v1"


def define(world: World, api_version: str, kind: str) -> None:
    """Have the API server serve a custom resource."""
    group, _, version = api_version.partition("/")
    plural = f"{kind.lower()}s"
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    spec = {
        "group": group,
        "names": {"plural": plural, "kind": kind},
        "scope": "Namespaced",
        "versions": [served],
    }
    definition = {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}
    world.create(definition, kind="customresourcedefinitions", version="apiextensions.k8s.io/v1")


def define_gateways(world: World) -> None:
    world.create({"metadata": {"name": "infra"}}, kind="namespaces")
    for kind in ("Gateway", "HTTPRoute", "GRPCRoute"):
        define(world, GATEWAY, kind)


def dns_endpoint(name: str, *entries: Object) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"endpoints": list(entries)}}


def entry(name: str, kind: str, *targets: str) -> Object:
    return {"dnsName": f"{name}.example.com", "recordType": kind, "targets": list(targets)}


def gateway(allowed: Object, address: str = "192.0.2.1") -> Object:
    listener = {"name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": allowed}}
    return {
        "metadata": {"name": "edge", "namespace": "infra"},
        "spec": {"listeners": [listener]},
        "status": {"addresses": [{"type": "IPAddress", "value": address}]},
    }


def route(name: str) -> Object:
    parent = {"name": "edge", "namespace": "infra"}
    accepted = {"type": "Accepted", "status": "True"}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"parentRefs": [parent], "hostnames": [f"{name}.example.com"]},
        "status": {"parents": [{"parentRef": parent, "conditions": [accepted]}]},
    }


def node(name: str, address: str, *, cordoned: bool = False) -> Object:
    return {
        "metadata": {"name": f"{name}.example.com"},
        "spec": {"unschedulable": cordoned},
        "status": {"addresses": [{"type": "ExternalIP", "address": address}]},
    }


def change(
    world: World, version: str, plural: str, key: tuple[str, str], edit: Callable[[Object], None]
) -> None:
    obj = world.api.store.get(version, plural, *key)
    edit(obj)
    world.api.store.update(version, plural, obj)


def observed(world: World, name: str) -> int:
    """The generation that the status says was looked at."""
    obj = world.api.store.get(EXTERNAL, "dnsendpoints", "default", name)
    found: int = obj.get("status", {}).get("observedGeneration", 0)
    return found


class TestCustomResources:
    """A DNSEndpoint asks for records as they stand in it."""

    FLAGS = ("--source=crd", "--managed-record-types=A,AAAA,CNAME,MX,TXT,SRV")

    async def test_its_records_come_change_and_go_with_it(self, world: World) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        mail = entry("www", "MX", "10 mail.example.com")
        spf = entry("www", "TXT", "v=spf1 -all")
        world.create(
            dns_endpoint("one", entry("www", "A", "192.0.2.1"), mail, spf),
            kind="dnsendpoints",
            version=EXTERNAL,
        )
        async with world.running(*self.FLAGS):
            await until(lambda: world.records("MX") == {"www": ("10 mail.example.com",)})
            assert world.records() == {"www": ("192.0.2.1",)}
            assert world.records("TXT")["www"] == ('"v=spf1 -all"',)
            assert world.records("TXT")["mx-www"][0].endswith('external-dns/resource=crd/default/one"')

            def only_address(obj: Object) -> None:
                obj["spec"]["endpoints"] = [entry("www", "A", "192.0.2.2")]

            change(world, EXTERNAL, "dnsendpoints", ("default", "one"), only_address)
            await until(lambda: world.records() == {"www": ("192.0.2.2",)} and not world.records("MX"))
            world.api.store.delete(EXTERNAL, "dnsendpoints", "default", "one")
            await until(lambda: world.records() == {} and world.records("TXT") == {})

    async def test_a_certificate_association_comes_stays_and_goes(self, world: World) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        value = "3 1 1 " + "d2ab" * 16
        wanted = dns_endpoint("one", entry("_443._tcp.www", "TLSA", value.upper()))
        world.create(wanted, kind="dnsendpoints", version=EXTERNAL)
        flags = ("--source=crd", "--managed-record-types=A,TLSA")
        assert await world.once(*flags) == {}
        assert world.records("TLSA") == {"_443._tcp.www": (value,)}
        assert list(world.records("TXT")) == ["tlsa-_443._tcp.www"]
        calls = world.calls(CHANGE)
        assert await world.once(*flags) == {}
        assert world.calls(CHANGE) == calls
        world.api.store.delete(EXTERNAL, "dnsendpoints", "default", "one")
        assert await world.once(*flags) == {}
        assert world.records("TLSA") == world.records("TXT") == {}

    async def test_the_order_of_its_entries_never_beats_the_record_that_exists(self, world: World) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        address, host = entry("www", "A", "192.0.2.1"), entry("www", "CNAME", "lb.example.net")
        world.create(dns_endpoint("one", host), kind="dnsendpoints", version=EXTERNAL)
        await world.once(*self.FLAGS)
        for entries, kind in (
            ([address, host], "CNAME"),
            ([address], "A"),
            ([host, address], "A"),
        ):

            def set_entries(obj: Object, entries: list[Object] = entries) -> None:
                obj["spec"]["endpoints"] = entries

            change(world, EXTERNAL, "dnsendpoints", ("default", "one"), set_entries)
            assert await world.once(*self.FLAGS) == {}
            assert [one for one in ("A", "CNAME") if world.records(one)] == [kind]
            assert ("ConflictingTargets" in world.reasons()) is (len(entries) == 2)

    async def test_the_generation_that_was_looked_at_is_written_back(self, world: World) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        world.create(dns_endpoint("one", entry("a", "A", "192.0.2.1")), kind="dnsendpoints", version=EXTERNAL)
        async with world.running(*self.FLAGS):
            await until(lambda: observed(world, "one") == 1)

            def break_it(obj: Object) -> None:
                obj["spec"]["endpoints"] = [entry("a b", "A", "192.0.2.1")]

            change(world, EXTERNAL, "dnsendpoints", ("default", "one"), break_it)
            await until(lambda: observed(world, "one") == 2)

    async def test_a_single_pass_writes_it_too_and_a_dry_run_does_not(self, world: World) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        world.create(dns_endpoint("one", entry("a", "A", "192.0.2.1")), kind="dnsendpoints", version=EXTERNAL)
        async with world.controller(*self.FLAGS, print_plan=lambda lines: None) as controller:
            assert dict(await controller.run_once(NEVER)) == {}
        assert observed(world, "one") == 0
        assert await world.once(*self.FLAGS) == {}
        assert observed(world, "one") == 1

    async def test_a_status_that_cannot_be_written_fails_a_single_pass_and_nothing_else(
        self, world: World
    ) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        world.create(dns_endpoint("one", entry("a", "A", "192.0.2.1")), kind="dnsendpoints", version=EXTERNAL)
        world.api.faults.add(Fault(verb="patch", resource="dnsendpoints", status=403))
        failures = await world.once(*self.FLAGS)
        assert list(failures) == ["status of dnsendpoint/default/one"]
        assert world.records() == {"a": ("192.0.2.1",)}


UNREADABLE: dict[str, Callable[[Object], None]] = {
    "a number as text": lambda obj: obj["spec"]["endpoints"][0].update(recordTTL="300"),
    "a fraction": lambda obj: obj["spec"]["endpoints"][0].update(recordTTL=1.5),
    "a text in place of a list": lambda obj: obj["spec"]["endpoints"][0].update(targets="192.0.2.1"),
    "a list of texts": lambda obj: obj["spec"].update(endpoints=["www.example.com"]),
}


@pytest.mark.parametrize("edit", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_object_that_cannot_be_read_keeps_its_records_and_is_told(
    world: World, edit: Callable[[Object], None]
) -> None:
    """The definition of a custom resource may be without a schema."""
    define(world, EXTERNAL, "DNSEndpoint")
    for name in ("www", "api"):
        asked = dns_endpoint(name, entry(name, "A", "192.0.2.1"))
        world.create(asked, kind="dnsendpoints", version=EXTERNAL)
    key = ("default", "www")
    async with world.running("--source=crd", "--interval=1s"):
        await until(lambda: set(world.records()) == {"www", "api"})
        good = world.api.store.get(EXTERNAL, "dnsendpoints", *key)["spec"]
        change(world, EXTERNAL, "dnsendpoints", key, edit)
        await until(lambda: ("Warning", "UnreadableObject") in world.events("www"))
        world.api.store.delete(EXTERNAL, "dnsendpoints", "default", "api")
        await until(lambda: set(world.records()) == {"www"})
    assert await world.once("--source=crd") == {}
    assert set(world.records()) == {"www"}
    assert {"UnreadableObject", "RecordKept"} <= set(world.reasons())
    async with world.running("--source=crd", "--interval=1s"):
        change(world, EXTERNAL, "dnsendpoints", key, lambda obj: obj.update(spec=good))
        await until(lambda: observed(world, "www") == 3)
        assert set(world.records()) == {"www"}
        world.api.store.delete(EXTERNAL, "dnsendpoints", *key)
        await until(lambda: world.records() == {})


class TestGateways:
    """Routes have their names where a Gateway serves them."""

    FLAGS = ("--source=gateway-httproute,gateway-grpcroute",)

    async def test_a_route_follows_its_gateway(self, world: World) -> None:
        define_gateways(world)
        world.create(gateway({"from": "All"}), kind="gateways", version=GATEWAY)
        world.create(route("web"), kind="httproutes", version=GATEWAY)
        world.create(route("rpc"), kind="grpcroutes", version=GATEWAY)
        async with world.running(*self.FLAGS):
            await until(lambda: world.records() == {"web": ("192.0.2.1",), "rpc": ("192.0.2.1",)})

            def move(obj: Object) -> None:
                obj["status"]["addresses"][0]["value"] = "192.0.2.9"

            change(world, GATEWAY, "gateways", ("infra", "edge"), move)
            await until(lambda: world.records() == {"web": ("192.0.2.9",), "rpc": ("192.0.2.9",)})

            def give_up(obj: Object) -> None:
                obj["spec"]["parentRefs"] = []

            change(world, GATEWAY, "httproutes", ("default", "web"), give_up)
            await until(lambda: list(world.records()) == ["rpc"])

    @pytest.mark.parametrize("accepted", ["False", "Unknown", ""])
    async def test_a_route_that_is_not_accepted_keeps_its_record_for_the_hold(
        self, world: World, accepted: str
    ) -> None:
        def refuse(obj: Object) -> None:
            obj["status"]["parents"][0]["conditions"] = (
                [{"type": "Accepted", "status": accepted}] if accepted else []
            )

        await self.loses_its_way(
            world, lambda: change(world, GATEWAY, "httproutes", ("default", "web"), refuse)
        )

    async def test_a_route_whose_gateway_is_away_keeps_its_record_for_the_hold(self, world: World) -> None:
        await self.loses_its_way(world, lambda: world.api.store.delete(GATEWAY, "gateways", "infra", "edge"))

    async def test_a_route_that_lost_its_status_keeps_its_record_for_the_hold(self, world: World) -> None:
        def forget(obj: Object) -> None:
            del obj["status"]

        await self.loses_its_way(
            world, lambda: change(world, GATEWAY, "httproutes", ("default", "web"), forget)
        )

    @pytest.mark.parametrize(
        "listener",
        [
            {"hostname": "*.example.net"},
            {"protocol": "TLS"},
            {"allowedRoutes": {"namespaces": {"from": "Same"}}},
            {"name": "other", "allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}},
        ],
    )
    async def test_a_route_that_no_listener_takes_any_more_keeps_its_record_for_the_hold(
        self, world: World, listener: Object
    ) -> None:
        def edit(obj: Object) -> None:
            obj["spec"]["listeners"][0] |= listener

        await self.loses_its_way(world, lambda: change(world, GATEWAY, "gateways", ("infra", "edge"), edit))

    async def loses_its_way(self, world: World, lose: Callable[[], object]) -> None:
        define_gateways(world)
        world.create(gateway({"from": "All"}), kind="gateways", version=GATEWAY)
        world.create(route("web"), kind="httproutes", version=GATEWAY)
        late = timedelta(0)
        async with world.running(*self.FLAGS, "--interval=1s", now=lambda: utc_now() + late):
            await until(lambda: world.records() == {"web": ("192.0.2.1",)})
            lose()
            await until(lambda: "NoTargets" in world.reasons())
            late = timedelta(minutes=14)
            await asyncio.sleep(5)
            assert world.records() == {"web": ("192.0.2.1",)}
            late = timedelta(minutes=16)
            await until(lambda: world.records() == world.records("TXT") == {})

    async def test_in_single_passes_it_is_kept(self, world: World) -> None:
        define_gateways(world)
        world.create(gateway({"from": "All"}), kind="gateways", version=GATEWAY)
        world.create(route("web"), kind="httproutes", version=GATEWAY)
        assert await world.once(*self.FLAGS) == {}
        world.api.store.delete(GATEWAY, "gateways", "infra", "edge")
        for _ in range(2):
            assert await world.once(*self.FLAGS) == {}
            assert world.records() == {"web": ("192.0.2.1",)}

    async def test_a_namespace_is_let_in_by_its_labels(self, world: World) -> None:
        define_gateways(world)
        chosen = {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}
        world.create(gateway(chosen), kind="gateways", version=GATEWAY)
        world.create(route("web"), kind="httproutes", version=GATEWAY)
        async with world.running(*self.FLAGS) as controller:
            await until(lambda: controller.watches.is_settled)
            assert world.records() == {}

            def label(obj: Object) -> None:
                obj["metadata"].setdefault("labels", {})["team"] = "shop"

            change(world, "v1", "namespaces", ("", "default"), label)
            await until(lambda: list(world.records()) == ["web"])


class TestNodes:
    """Nodes have names of their own."""

    async def test_a_cordoned_node_gives_its_name_up(self, world: World) -> None:
        world.create(node("one", "192.0.2.1"), node("two", "192.0.2.2"), kind="nodes")
        async with world.running("--source=node"):
            await until(lambda: world.records() == {"one": ("192.0.2.1",), "two": ("192.0.2.2",)})

            def cordon(obj: Object) -> None:
                obj["spec"]["unschedulable"] = True

            change(world, "v1", "nodes", ("", "two.example.com"), cordon)
            await until(lambda: list(world.records()) == ["one"])

    async def test_ports_of_services_are_told_by_srv_records(self, world: World) -> None:
        world.create(node("one", "192.0.2.1"), kind="nodes")
        world.create(
            {
                "metadata": {"name": "www", "annotations": {f"{PREFIX}hostname": "www.example.com"}},
                "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
            }
        )
        async with world.running("--managed-record-types=A,SRV"):
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            assert world.records("SRV") == {"_www._tcp.www": ("0 50 30080 www.example.com.",)}
            world.delete("www")
            await until(lambda: world.records("SRV") == {} and world.records("TXT") == {})


async def test_a_pod_in_the_network_of_its_host_leads_to_its_node_and_another_to_itself(world: World) -> None:
    node = {
        "metadata": {"name": "a"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    }
    world.create(node, kind="nodes")
    for name, address, is_host in (("agent", "10.0.0.1", True), ("app", "10.0.1.7", False)):
        pod = {
            "metadata": {"name": name, "annotations": {PREFIX + "hostname": f"{name}.example.com"}},
            "spec": {"nodeName": "a", "hostNetwork": is_host, "containers": [{"name": "c", "image": "i"}]},
            "status": {
                "phase": "Running",
                "podIP": address,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        world.create(pod, kind="pods")
    async with world.running("--source=pod"):
        await until(lambda: world.records() == {"agent": ("10.0.0.1",), "app": ("10.0.1.7",)})

        def reach(obj: Object) -> None:
            obj["status"]["addresses"].append({"type": "ExternalIP", "address": "198.51.100.1"})

        change(world, "v1", "nodes", ("", "a"), reach)
        await until(lambda: world.records() == {"agent": ("198.51.100.1",), "app": ("10.0.1.7",)})


async def test_two_spellings_of_one_address_are_one_target_and_equal_to_the_record_that_exists(
    world: World,
) -> None:
    targets = "2001:DB8:0:0::1,2001:db8::1"
    world.create(service("www", target=targets))
    assert await world.once() == {}
    assert world.records("AAAA") == {"www": ("2001:db8::1",)}
    other = service("www", target="2001:db8:0:0:0:0:0:1")
    world.update(other)
    calls = world.calls(CHANGE)
    assert await world.once() == {}
    assert world.calls(CHANGE) == calls


class TestWhatIsWatched:
    """Only what the chosen sources need; what the server refuses costs its source alone."""

    async def watched(self, world: World, *flags: str) -> set[str]:
        world.api.requests.clear()
        assert await world.once(*flags) == {}
        return {request.resource for request in world.api.requests if request.verb in ("list", "watch")}

    async def test_each_source_has_its_resources(self, world: World) -> None:
        define(world, EXTERNAL, "DNSEndpoint")
        define_gateways(world)
        assert await self.watched(world, "--source=node") == {"nodes"}
        assert await self.watched(world, "--source=crd") == {"dnsendpoints"}
        assert await self.watched(world, "--source=gateway-grpcroute") == {
            "grpcroutes",
            "gateways",
            "namespaces",
        }
        assert await self.watched(world, "--source=ingress") == {"ingresses"}

    async def test_a_missing_definition_is_told_and_harms_no_other_source(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"), service("old", "192.0.2.2"))
        assert await world.once() == {}
        async with world.running("--source=service,gateway-httproute") as controller:
            await until(lambda: "httproutes cannot be read" in controller.watches.not_ready())
            world.create(service("new", "192.0.2.3"))
            await until(lambda: "new" in world.records())
            world.delete("old")
            await until(lambda: "DeletesHeld" in world.reasons())
            assert sorted(world.records()) == ["new", "old", "www"]

    async def test_a_single_pass_says_that_a_definition_is_missing(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        failures = await world.once("--source=service,gateway-httproute")
        assert sorted(failures) == ["gateways", "httproutes"]
        assert list(world.records()) == ["www"]


class TestTemplatesAndFilters:
    """Names from a template, and addresses that may not be published."""

    async def test_a_name_from_the_template_and_no_private_address(self, world: World) -> None:
        world.create(service("www", "192.0.2.1", "10.0.0.1", hostname=","))
        flags = ("--fqdn-template={{.Name}}.{{.Namespace}}.example.com", "--exclude-target-net=10.0.0.0/8")
        assert await world.once(*flags) == {}
        assert world.records() == {"www.default": ("192.0.2.1",)}

    async def test_a_name_from_parts_of_the_object_by_their_json_keys(self, world: World) -> None:
        www = service("www", "192.0.2.1")
        www["metadata"]["annotations"] = {}
        www["spec"]["ipFamilyPolicy"] = "SingleStack"
        world.create(www)
        template = "{{.Spec.ipFamilyPolicy}}-{{index .Status.loadBalancer.ingress 0 `ip` | replace `.` `-`}}"
        async with world.running(f"--fqdn-template={template}.example.com"):
            await until(lambda: world.records() == {"singlestack-192-0-2-1": ("192.0.2.1",)})

            def prefer_both(obj: Object) -> None:
                obj["spec"]["ipFamilyPolicy"] = "PreferDualStack"

            change(world, "v1", "services", ("default", "www"), prefer_both)
            await until(lambda: world.records() == {"preferdualstack-192-0-2-1": ("192.0.2.1",)})

    async def test_a_part_that_is_not_there_is_told(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        flags = ("--fqdn-template={{.Spec.externalName}}.example.com", "--combine-fqdn-annotation")
        async with world.running(*flags):
            await until(lambda: ("Warning", "InvalidTemplate") in world.events("www"))
        (told,) = [one for one in world.decisions.newest() if one.reason == "InvalidTemplate"]
        assert told.message == "--fqdn-template: the object has no .Spec.externalName"

    async def test_an_object_that_the_template_does_not_suit_is_told(self, world: World) -> None:
        world.create(service("www", "192.0.2.1", hostname=","))
        async with world.running("--fqdn-template={{.Labels.env}}.example.com"):
            await until(lambda: ("Warning", "InvalidTemplate") in world.events("www"))
        assert world.records() == {}


TEMPLATES = {
    "the guide's, of ports": (
        "{{ $name := .Name }}{{ range .Spec.Ports -}} {{ $name }}"
        '{{ if eq .Name "http2" }}.http2{{ else }}.default{{ end }}.example.com,{{ end }}',
        {"www.http2", "www.default"},
    ),
    "with a label": (
        '{{ with index .Labels "team" }}{{ . }}.example.com{{ else }}none.example.com{{ end }}',
        {"shop"},
    ),
    "of its metadata": ("{{ .ObjectMeta.Name }}-{{ .Metadata.namespace }}.example.com", {"www-default"}),
    "of its addresses": (
        '{{ range .Status.loadBalancer.ingress }}{{ .ip | replace "." "-" }}.example.com{{ break }}{{ end }}',
        {"192-0-2-1"},
    ),
}


@pytest.mark.parametrize(("template", "names"), TEMPLATES.values(), ids=TEMPLATES.keys())
async def test_a_template_reads_the_lists_and_maps_of_an_object(
    world: World, template: str, names: set[str]
) -> None:
    obj = service("www", "192.0.2.1", hostname=",")
    obj["metadata"]["labels"] = {"team": "shop"}
    obj["spec"]["ports"] = [{"port": 80, "name": "http"}, {"port": 81, "name": "http2"}]
    world.create(obj)
    assert await world.once(f"--fqdn-template={template}") == {}
    assert set(world.records()) == names
