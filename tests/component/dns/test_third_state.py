"""What is asked for in a way that cannot be used now stays as it is, and is told; nothing is made of it."""

from typing import Any

import pytest
import yaml

from addons.sim.aws.route53.model import AliasTarget, RecordSet
from tests.support.charts import CHARTS
from tests.support.dns_world import CHANGE, PREFIX, TEXT, Object, World, service
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

EXTERNAL, PLURAL = "externaldns.k8s.io/v1alpha1", "dnsendpoints"
ELB, ELB_ZONE = "web-1.eu-central-1.elb.amazonaws.com", "Z215JYRZR1TBD5"
CRD = ("--source=crd", "--managed-record-types=A,AAAA,CNAME,MX,SRV")


def define_dns_endpoints(world: World) -> None:
    """The definition that the chart brings, with its schema."""
    lines = (CHARTS / "dns/templates/crd.yaml").read_text().splitlines()
    definition = yaml.safe_load("\n".join(line for line in lines if "{{" not in line))
    definition["metadata"]["labels"] = {}
    world.create(definition, kind="customresourcedefinitions", version="apiextensions.k8s.io/v1")


def entry(kind: str, *targets: str, name: str = "api.example.com", **more: Any) -> Object:
    properties = [{"name": key, "value": value} for key, value in more.pop("properties", {}).items()]
    more |= {"providerSpecific": properties} if properties else {}
    return {"dnsName": name, "recordType": kind, "targets": list(targets), **more}


def ask(world: World, *entries: Object) -> None:
    """Have the DNSEndpoint ask for exactly these."""
    spec = {"endpoints": list(entries)}
    if not any(world.api.store.list(EXTERNAL, PLURAL)):
        world.create({"metadata": {"name": "one"}, "spec": spec}, kind=PLURAL, version=EXTERNAL)
        return
    found = world.api.store.get(EXTERNAL, PLURAL, "default", "one")
    world.api.store.update(EXTERNAL, PLURAL, found | {"spec": spec})


def contents(world: World) -> list[RecordSet]:
    """All record sets but those that every zone has."""
    found = world.aws.route53.record_sets(world.zone_id)
    return sorted((record for record in found if record.type not in ("NS", "SOA")), key=str)


def problems(world: World) -> set[str]:
    return {decision.reason for decision in world.decisions.newest()} - {"RecordKept", "RecordReady"}


ADDRESS = entry("A", "192.0.2.1")
WEIGHT = {"aws/weight": "10"}
ENTRIES: dict[str, tuple[Object, Object, str]] = {
    "an address that is none": (ADDRESS, entry("A", "192.0.2.1000"), "InvalidEndpoint"),
    "an address with a port": (ADDRESS, entry("A", "192.0.2.1:443"), "InvalidEndpoint"),
    "one address of two": (ADDRESS, entry("A", "192.0.2.1", "nonsense"), "InvalidEndpoint"),
    "a negative TTL": (ADDRESS, entry("A", "192.0.2.1", recordTTL=-1), "InvalidEndpoint"),
    "a TTL that is too long": (ADDRESS, entry("A", "192.0.2.1", recordTTL=2**31), "InvalidEndpoint"),
    "a CNAME with two targets": (
        entry("CNAME", "a.example.net"),
        entry("CNAME", "a.example.net", "b.example.net"),
        "InvalidEndpoint",
    ),
    "a CNAME to an address": (
        entry("CNAME", "a.example.net"),
        entry("CNAME", "192.0.2.300"),
        "InvalidEndpoint",
    ),
    "a type in lower case": (
        entry("CNAME", "a.example.net"),
        entry("cname", "a.example.net"),
        "InvalidEndpoint",
    ),
    "a type that is none": (ADDRESS, entry("ADDRESS", "192.0.2.1"), "InvalidEndpoint"),
    "a type that is not managed": (ADDRESS, entry("TXT", "text"), "InvalidEndpoint"),
    "coordinates that are too exact": (
        entry("A", "192.0.2.1", properties={"aws/geoproximity-coordinates": "49.22,-74.01"}),
        entry("A", "192.0.2.1", properties={"aws/geoproximity-coordinates": "49.2234,-74.0123"}),
        "InvalidAnnotation",
    ),
    "a name that is none": (ADDRESS, entry("A", "192.0.2.1", name="api..example.com"), "InvalidHostname"),
    "an MX without preference": (
        entry("MX", "10 mail.example.com"),
        entry("MX", "mail.example.com"),
        "InvalidEndpoint",
    ),
    "an SRV without port": (
        entry("SRV", "0 50 443 www.example.com"),
        entry("SRV", "0 50 www.example.com"),
        "InvalidEndpoint",
    ),
    "a weight that is none": (
        entry("A", "192.0.2.1", setIdentifier="blue", properties=WEIGHT),
        entry("A", "192.0.2.1", setIdentifier="blue", properties={"aws/weight": "ten"}),
        "InvalidAnnotation",
    ),
    "a weight taken from its set identifier": (
        entry("A", "192.0.2.1", setIdentifier="blue", properties=WEIGHT),
        entry("A", "192.0.2.1", setIdentifier="blue"),
        "InvalidAnnotation",
    ),
    "an alias that is none": (
        entry("CNAME", ELB),
        entry("CNAME", ELB, properties={"alias": "perhaps"}),
        "InvalidAnnotation",
    ),
    "an address record with a host": (
        entry("A", ELB, properties={"alias": "true"}),
        entry("A", ELB),
        "InvalidEndpoint",
    ),
    "a zone that is not there": (
        ADDRESS,
        entry("A", "192.0.2.1", properties={"aws/hosted-zone-id": "Z404"}),
        "NoZone",
    ),
}


@pytest.mark.parametrize(("good", "bad", "problem"), ENTRIES.values(), ids=ENTRIES.keys())
class TestEntries:
    """An entry of a DNSEndpoint that makes no sense any more, as the schema of the chart lets it pass."""

    async def test_the_record_stays_while_the_daemon_runs(
        self, world: World, good: Object, bad: Object, problem: str
    ) -> None:
        define_dns_endpoints(world)
        ask(world, good)
        async with world.running(*CRD, "--interval=1s"):
            await until(lambda: len(contents(world)) > 0)
            before = contents(world)
            ask(world, bad, entry("A", "192.0.2.9", name="new.example.com"))
            await until(lambda: "new" in world.records() and "RecordKept" in world.reasons())
            ask(world, entry("A", "192.0.2.9", name="new.example.com"), bad)
            await until(
                lambda: world.api.store.list(EXTERNAL, PLURAL)[0]["status"]["observedGeneration"] == 3
            )
            await until(lambda: problem in problems(world))
            assert set(before) <= set(contents(world))
            ask(world, entry("A", "192.0.2.9", name="new.example.com"))
            await until(lambda: list(world.records()) == ["new"] and len(contents(world)) == 2)

    async def test_the_record_stays_in_single_passes(
        self, world: World, good: Object, bad: Object, problem: str
    ) -> None:
        define_dns_endpoints(world)
        ask(world, good)
        assert await world.once(*CRD) == {}
        before = contents(world)
        ask(world, bad)
        for _ in range(2):
            assert await world.once(*CRD) == {}
            assert contents(world) == before
        assert {problem, "RecordKept"} <= set(world.reasons())

    async def test_nothing_is_made_of_it(self, world: World, good: Object, bad: Object, problem: str) -> None:
        define_dns_endpoints(world)
        ask(world, bad)
        assert await world.once(*CRD) == {}
        assert contents(world) == []
        assert world.reasons() == [problem]


class TestNeighbours:
    """What else the object asks for, in a way that can be used, it gets."""

    async def test_the_other_family_of_the_same_name(self, world: World) -> None:
        define_dns_endpoints(world)
        ask(world, ADDRESS, entry("AAAA", "2001:db8::1"))
        await world.once(*CRD)
        ask(world, entry("A", "192.0.2.2"), entry("AAAA", "2001:db8::x"))
        assert await world.once(*CRD) == {}
        assert (world.records(), world.records("AAAA")) == (
            {"api": ("192.0.2.2",)},
            {"api": ("2001:db8::1",)},
        )

    async def test_the_other_entry_of_the_same_record_set(self, world: World) -> None:
        define_dns_endpoints(world)
        ask(world, ADDRESS, entry("A", "192.0.2.2"))
        await world.once(*CRD)
        ask(world, entry("A", "192.0.2.3"), entry("A", "192.0.2.2222"))
        assert await world.once(*CRD) == {}
        assert world.records() == {"api": ("192.0.2.1", "192.0.2.2", "192.0.2.3")}

    async def test_the_other_set_of_the_same_name(self, world: World) -> None:
        define_dns_endpoints(world)

        def weighted(identifier: str, address: str, weight: str) -> Object:
            return entry("A", address, setIdentifier=identifier, properties={"aws/weight": weight})

        ask(world, weighted("blue", "192.0.2.1", "1"), weighted("green", "192.0.2.2", "1"))
        await world.once(*CRD)
        ask(world, weighted("blue", "192.0.2.3", "1"), weighted("green", "192.0.2.4", "much"))
        assert await world.once(*CRD) == {}
        sets = {found.set_id: found.values for found in contents(world) if found.type == "A"}
        assert sets == {"blue": ("192.0.2.3",), "green": ("192.0.2.2",)}


async def test_an_alias_that_external_dns_wrote_as_an_address_record_is_left_alone(world: World) -> None:
    define_dns_endpoints(world)
    alias = RecordSet("api.example.com", "A", alias=AliasTarget(ELB_ZONE, ELB, True))
    said = (TEXT.format("one").replace("service", "crd"),)
    text = RecordSet("a-api.example.com", "TXT", ttl=300, values=said)
    world.aws.route53.change(world.zone_id, [("CREATE", alias), ("CREATE", text)])
    before = contents(world)
    ask(world, entry("A", ELB, properties={"alias": "true"}))
    assert await world.once(*CRD) == {}
    assert (contents(world), world.calls(CHANGE), world.reasons()) == (before, 0, [])


WEB = "www.example.com"
SERVICES: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "host name": ({}, {"hostname": "www..example.com"}, "InvalidHostname"),
    "one host name of two": ({}, {"hostname": f"other.example.net,{WEB}:80"}, "InvalidHostname"),
    "target with a port": ({"target": "198.51.100.7"}, {"target": "198.51.100.7:443"}, "InvalidHostname"),
    "target that is no address": ({"target": "198.51.100.7"}, {"target": "192.0.2.300"}, "InvalidHostname"),
    "target on a Service that had none": ({}, {"target": "https://lb.example.net"}, "InvalidHostname"),
    "one target of two": ({"target": "198.51.100.7"}, {"target": "198.51.100.7,a b..c"}, "InvalidHostname"),
    "TTL": ({"ttl": "60"}, {"ttl": "1 minute"}, "InvalidAnnotation"),
    "alias": ({}, {"alias": "maybe"}, "InvalidAnnotation"),
    "weight": (
        {"aws-weight": "1", "set-identifier": "a"},
        {"aws-weight": "256", "set-identifier": "a"},
        "InvalidAnnotation",
    ),
    "two policies": (
        {"aws-weight": "1"},
        {"aws-weight": "1", "aws-region": "eu-west-1"},
        "InvalidAnnotation",
    ),
    "set identifier without policy": ({}, {"set-identifier": "a"}, "InvalidAnnotation"),
    "set identifier that is too long": (
        {"aws-weight": "1"},
        {"aws-weight": "1", "set-identifier": "a" * 129},
        "InvalidAnnotation",
    ),
    "zone that is not there": ({}, {"aws-hosted-zone-id": "Z404"}, "NoZone"),
}


@pytest.mark.parametrize(("good", "bad", "problem"), SERVICES.values(), ids=SERVICES.keys())
class TestAnnotations:
    """An annotation of a Service that makes no sense any more."""

    async def test_the_record_stays(
        self, world: World, good: dict[str, str], bad: dict[str, str], problem: str
    ) -> None:
        world.create(service("www", "192.0.2.1", **good))
        async with world.running("--interval=1s"):
            await until(lambda: len(contents(world)) == 2)
            before = contents(world)
            world.update(service("www", "192.0.2.1", **bad))
            world.create(service("new", "192.0.2.9"))
            await until(lambda: "new" in world.records() and "RecordKept" in world.reasons())
            assert problem in problems(world)
            assert set(before) <= set(contents(world))
        for _ in range(2):
            assert await world.once() == {}
            assert set(before) <= set(contents(world))
            assert {"RecordKept", problem} <= set(world.reasons())

    async def test_it_is_given_up_when_the_annotation_is_taken_away(
        self, world: World, good: dict[str, str], bad: dict[str, str], problem: str
    ) -> None:
        world.create(service("www", "192.0.2.1", **good))
        async with world.running("--interval=1s"):
            await until(lambda: len(contents(world)) == 2)
            world.update(service("www", "192.0.2.1", **bad))
            await until(lambda: "RecordKept" in world.reasons())
            world.update(service("www", "192.0.2.1", hostname=","))
            await until(lambda: contents(world) == [])


class TestSettings:
    """What the settings make of an object."""

    TEMPLATE = "--fqdn-template={{.Labels.team}}.example.com"

    async def test_a_template_whose_label_is_gone_keeps_the_name(self, world: World) -> None:
        labelled = service("www", "192.0.2.1", hostname=",")
        labelled["metadata"]["labels"] = {"team": "shop"}
        world.create(labelled)
        await world.once(self.TEMPLATE)
        before = contents(world)
        assert world.records() == {"shop": ("192.0.2.1",)}
        world.update(service("www", "192.0.2.1", hostname=","))
        for _ in range(2):
            assert await world.once(self.TEMPLATE) == {}
            assert contents(world) == before
        assert {"InvalidTemplate", "RecordKept"} <= set(world.reasons())


class TestNewTargets:
    """A new address is carried out although the TTL cannot be read; the TTL stays."""

    async def test_with_the_ttl_of_the_record(self, world: World) -> None:
        world.create(service("www", "192.0.2.1", ttl="60"))
        await world.once()
        world.update(service("www", "192.0.2.2", ttl="soon"))
        assert await world.once() == {}
        assert [(found.ttl, found.values) for found in contents(world) if found.type == "A"] == [
            (60, ("192.0.2.2",))
        ]


class TestShared:
    """Several Services have one name: what each of them has in it."""

    async def test_what_cannot_be_read_keeps_its_share_and_the_others_are_served(self, world: World) -> None:
        for name, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")):
            world.create(service(name, address, hostname=WEB))
        async with world.running("--interval=1s"):
            await until(lambda: world.records() == {"www": ("192.0.2.1", "192.0.2.2")})
            for broken, other in (("one", "two"), ("two", "one")):
                world.update(service(broken, "192.0.2.9", hostname=WEB, target="a..b"))
                await until(lambda: ("Warning", "InvalidHostname") in world.events(broken))  # noqa: B023
                world.update(service(other, "192.0.2.3", hostname=WEB))
                await until(lambda: "192.0.2.3" in world.records()["www"])
                assert len(world.records()["www"]) >= 2
                assert "192.0.2.9" not in world.records()["www"]
                for name, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")):
                    world.update(service(name, address, hostname=WEB))
                await until(lambda: world.records() == {"www": ("192.0.2.1", "192.0.2.2")})

    async def test_a_newcomer_that_cannot_be_read_changes_nothing(self, world: World) -> None:
        world.create(service("one", "192.0.2.1", hostname=WEB))
        async with world.running("--interval=1s"):
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            world.create(service("two", "192.0.2.2", hostname=WEB, target="a..b"))
            await until(lambda: ("Warning", "InvalidHostname") in world.events("two"))
            world.update(service("one", "192.0.2.3", hostname=WEB))
            await until(lambda: world.records() == {"www": ("192.0.2.3",)})
            world.delete("one")
            await until(lambda: world.records() == {})


def ingress(**annotations: str) -> Object:
    said = {PREFIX + key: value for key, value in annotations.items()}
    return {
        "metadata": {"name": "shop", "annotations": said},
        "spec": {"rules": [{"host": "shop.example.com"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
    }


@pytest.mark.parametrize("target", ["198.51.100.7:443", "192.0.2.300", "https://lb.example.net", "a b..c"])
async def test_a_target_that_cannot_be_read_never_publishes_the_address_of_the_object(
    world: World, target: str
) -> None:
    world.create(ingress(target=target), kind="ingresses", version="networking.k8s.io/v1")
    assert await world.once() == {}
    assert contents(world) == []
    found = world.api.store.get("networking.k8s.io/v1", "ingresses", "default", "shop")
    found["metadata"]["annotations"][f"{PREFIX}target"] = "198.51.100.7"
    world.api.store.update("networking.k8s.io/v1", "ingresses", found)
    await world.once()
    found = world.api.store.get("networking.k8s.io/v1", "ingresses", "default", "shop")
    found["metadata"]["annotations"][f"{PREFIX}target"] = target
    world.api.store.update("networking.k8s.io/v1", "ingresses", found)
    assert await world.once() == {}
    assert world.records() == {"shop": ("198.51.100.7",)}
    assert "InvalidHostname" in world.reasons()


ONE, TWO = "one-1.eu-central-1.elb.amazonaws.com", "two-2.eu-central-1.elb.amazonaws.com"
LEADS: dict[str, tuple[list[str], list[str], str]] = {
    "a second host before it": (["b.example.net"], ["a.example.net", "b.example.net"], "a.example.net"),
    "an address beside it": (["b.example.net"], ["b.example.net", "192.0.2.3"], "b.example.net"),
    "a second load balancer before it": ([TWO], [ONE, TWO], ONE),
    "an address beside a load balancer": ([ONE], [ONE, "192.0.2.3"], "192.0.2.3"),
    "a load balancer beside an address": (["192.0.2.3"], [ONE, "192.0.2.3"], "192.0.2.3"),
}
"""What is asked for, what is asked for later, and what of that takes the place of another CNAME."""


@pytest.mark.parametrize(("good", "bad", "next_"), LEADS.values(), ids=LEADS.keys())
class TestRivals:
    """Targets of one object that exclude each other: what exists stays, as long as it is asked for."""

    async def test_the_record_stays(self, world: World, good: list[str], bad: list[str], next_: str) -> None:
        world.create(service("www", target=",".join(good)))
        async with world.running("--interval=1s"):
            await until(lambda: contents(world) != [])
            before = contents(world)
            world.update(service("www", target=",".join(bad)))
            await until(lambda: ("Warning", "ConflictingTargets") in world.events("www"))
            world.create(service("new", "192.0.2.9"))
            await until(lambda: "new" in world.records())
            assert set(before) <= set(contents(world))
        assert await world.once() == {}
        assert set(before) <= set(contents(world))

    async def test_when_it_is_not_asked_for_any_more_one_of_the_others_comes(
        self, world: World, good: list[str], bad: list[str], next_: str
    ) -> None:
        world.create(service("www", target="c.example.net"))
        await world.once()
        world.update(service("www", target=",".join(bad)))
        assert await world.once() == {}
        made = [record for record in contents(world) if record.type != "TXT"]
        leads = {record.alias.dns_name.rstrip(".") if record.alias else record.values[0] for record in made}
        assert leads == {next_}
