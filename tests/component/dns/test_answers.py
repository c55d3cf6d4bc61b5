"""Aliases, routing policies and zones, as resolvers and a strict Route 53 see them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import boto3
import dns.asyncresolver
import dns.resolver
import pytest

from addons.dns.desired import canonical_hosted_zones as canonical
from addons.sim.aws.route53.model import AliasTarget, RecordSet, Vpc
from addons.sim.aws.sts.state import ACCOUNT, trust_of_account
from addons.sim.nameserver import NameServer
from tests.support.dns_world import CHANGE, Object, World, service
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

ELB = "web-1.eu-central-1.elb.amazonaws.com"
ELB_ZONE = "Z215JYRZR1TBD5"
ADDRESSES = {"A": ["192.0.2.10"], "AAAA": ["2001:db8::10"]}


def balanced(name: str, host: str = ELB, **annotations: str) -> Object:
    """A Service behind a load balancer that has a host name; keys of annotations with underscores."""
    made = service(name, **{key.replace("_", "-"): value for key, value in annotations.items()})
    made["status"] = {"loadBalancer": {"ingress": [{"hostname": host}]}}
    return made


def addressed(name: str, address: str = "192.0.2.1", **annotations: str) -> Object:
    """A Service with an address; keys of annotations with underscores."""
    return service(name, address, **{key.replace("_", "-"): value for key, value in annotations.items()})


@asynccontextmanager
async def resolver(world: World) -> AsyncIterator[dns.asyncresolver.Resolver]:
    """A resolver for what Route 53 holds; the load balancer's own name has an address of each family."""
    outside = {ELB: [address for found in ADDRESSES.values() for address in found]}
    async with NameServer(world.aws.route53.zones, outside=outside) as server:
        made = dns.asyncresolver.Resolver(configure=False)
        host, made.port = server.address
        made.nameservers = [host]
        yield made


async def resolve(asked: dns.asyncresolver.Resolver, name: str, kind: str = "A") -> list[str]:
    """The addresses that a client gets."""
    try:
        answer = await asked.resolve(f"{name}.example.com", kind)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return sorted(str(item) for item in answer)


def sets(world: World, name: str) -> dict[tuple[str, str], RecordSet]:
    """The data records of a name, by type and set identifier."""
    found = world.aws.route53.record_sets(world.zone_id)
    return {(item.type, item.set_id): item for item in found if item.name == f"{name}.example.com."}


class TestAliases:
    """A load balancer of AWS is an alias of both families; what resolvers get is its addresses."""

    async def test_both_families_resolve(self, world: World) -> None:
        world.create(balanced("www"))
        assert await world.once() == {}
        alias = AliasTarget(ELB_ZONE, f"{ELB}.", True)
        assert {kind: item.alias for (kind, _), item in sets(world, "www").items()} == {
            "A": alias,
            "AAAA": alias,
        }
        assert set(world.records("TXT")) == {"a-www", "aaaa-www"}
        async with resolver(world) as asked:
            for kind, addresses in ADDRESSES.items():
                assert await resolve(asked, "www", kind) == addresses

    async def test_a_second_pass_changes_nothing(self, world: World) -> None:
        world.create(balanced("www", f"dualstack.{ELB.upper()}"), balanced("api", aws_weight="1"))
        await world.once()
        world.aws.calls.clear()
        assert await world.once() == {}
        assert world.calls(CHANGE) == 0

    async def test_from_cname_to_alias_and_back_no_query_goes_unanswered(self, world: World) -> None:
        world.create(balanced("www", alias="false"))
        async with world.running(), resolver(world) as asked:
            await until(lambda: ("CNAME", "") in sets(world, "www"))
            done = asyncio.Event()
            asking = asyncio.create_task(_ask_until(done, asked, "www"))
            for value, kinds in (("true", {"A", "AAAA"}), ("false", {"CNAME"}), ("true", {"A", "AAAA"})):
                world.aws.calls.clear()
                world.update(balanced("www", alias=value))
                await until(partial(_has_types, world, "www", kinds))
                assert world.calls(CHANGE) == 1
            done.set()
            assert await asking == {("192.0.2.10",)}
            world.delete("www")
            await until(lambda: world.records("TXT") == {})

    async def test_a_text_of_old_versions_stays_ownership(self, world: World) -> None:
        alias = RecordSet("www.example.com", "A", alias=AliasTarget(ELB_ZONE, ELB, True))
        value = '"heritage=external-dns,external-dns/owner=me,external-dns/resource=service/default/www"'
        old = RecordSet("cname-www.example.com", "TXT", ttl=300, values=(value,))
        world.aws.route53.change(world.zone_id, [("CREATE", alias), ("CREATE", old)])
        world.create(balanced("www", aws_evaluate_target_health="false"))
        assert await world.once() == {}
        assert [item.alias and item.alias.evaluate_target_health for item in sets(world, "www").values()] == [
            False,
            False,
        ]
        world.delete("www")
        await world.once()
        assert world.records("TXT") == {}

    async def test_in_a_public_and_a_private_zone_it_leads_to_its_own(self, world: World) -> None:
        private = world.aws.route53.create_zone("example.com", vpcs=[Vpc("eu-central-1", "vpc-1")])
        world.create(addressed("api"), balanced("www", "api.example.com", alias="true"))
        async with world.running("--interval=100ms"):
            for zone_id in (world.zone_id, private):
                expected = AliasTarget(zone_id, "api.example.com.", True)
                await until(partial(_has_alias, world, zone_id, expected))
        async with resolver(world) as asked:
            assert await resolve(asked, "www") == ["192.0.2.1"]

    async def test_a_region_that_is_not_known_is_asked_for(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host, zone_id = await asyncio.to_thread(_load_balancer, world)
        monkeypatch.setattr(canonical, "_BY_SUFFIX", {})
        world.create(balanced("www", host), balanced("api", host))
        assert await world.once() == {}
        assert sets(world, "www")["A", ""].alias == AliasTarget(zone_id, f"{host}.", True)
        assert world.calls("DescribeLoadBalancers") == 1

    async def test_without_an_answer_what_exists_stays_and_is_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.create(balanced("www"))
        await world.once()
        monkeypatch.setattr(canonical, "_BY_SUFFIX", {})
        world.aws.faults.add(operation="DescribeLoadBalancers", times=None, code="AccessDenied", status=403)
        world.aws.calls.clear()
        (failure,) = (await world.once()).items()
        assert failure[0] == "load balancers"
        assert "(AccessDenied)" in failure[1]
        assert world.calls(CHANGE) == 0
        assert "AliasTargetUnknown" in world.reasons()

    async def test_that_it_may_not_ask_is_a_failure_until_it_may_and_work_goes_on_soon(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host, zone_id = await asyncio.to_thread(_load_balancer, world)
        monkeypatch.setattr(canonical, "_BY_SUFFIX", {})
        world.aws.faults.add(operation="DescribeLoadBalancers", times=None, code="AccessDenied", status=403)
        world.create(balanced("www", host))
        async with world.running("--interval=1h") as controller:
            await until(lambda: "load balancers" in controller.failures)
            (told,) = controller.faults()
            assert (told.side, told.about, told.reason) == ("aws", "load balancers", "AccessDenied")
            world.aws.faults.clear()
            began = asyncio.get_running_loop().time()
            await until(partial(_has_alias, world, world.zone_id, AliasTarget(zone_id, f"{host}.", True)))
            assert asyncio.get_running_loop().time() - began < 30
            assert (list(controller.faults()), controller.failures) == ([], {})


def _has_types(world: World, name: str, kinds: set[str]) -> bool:
    return {kind for kind, _ in sets(world, name)} == kinds


def _has_identifier(world: World, name: str, identifier: str) -> bool:
    return [found for _, found in sets(world, name)] == [identifier]


def _has_alias(world: World, zone_id: str, alias: AliasTarget) -> bool:
    return alias in [item.alias for item in world.aws.route53.record_sets(zone_id)]


async def _ask_until(
    done: asyncio.Event, asked: dns.asyncresolver.Resolver, name: str
) -> set[tuple[str, ...]]:
    """Every answer that a client gets meanwhile."""
    answers = set()
    while not done.is_set():
        answers.add(tuple(await resolve(asked, name)))
        await asyncio.sleep(0.001)
    return answers


def _load_balancer(world: World) -> tuple[str, str]:
    """A load balancer in the simulated account: host name and hosted zone."""
    session = boto3.Session(
        aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1"
    )
    network: Any = session.client("ec2", endpoint_url=world.aws.url)
    subnets = [item["SubnetId"] for item in network.describe_subnets()["Subnets"][:2]]
    client: Any = session.client("elbv2", endpoint_url=world.aws.url)
    (made,) = client.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"]
    world.aws.calls.clear()
    return made["DNSName"], made["CanonicalHostedZoneId"]


class TestPolicies:
    """Several clusters answer for one name, each for its own part."""

    async def test_two_clusters_share_a_name_by_weight(self, world: World) -> None:
        world.create(addressed("www", "192.0.2.1", aws_weight="1"))
        assert await world.once() == {}
        assert await world.once("--txt-owner-id=you") == {}
        weights = {identifier: item.weight for (_, identifier), item in sets(world, "www").items()}
        assert weights == {"me": 1, "you": 1}
        world.delete("www")
        await world.once()
        assert [identifier for _, identifier in sets(world, "www")] == ["you"]

    async def test_from_plain_to_weighted_no_query_goes_unanswered(self, world: World) -> None:
        world.create(addressed("www"))
        async with world.running(), resolver(world) as asked:
            await until(lambda: sets(world, "www"))
            done = asyncio.Event()
            asking = asyncio.create_task(_ask_until(done, asked, "www"))
            for annotations, identifier in (
                ({"aws_weight": "5"}, "me"),
                ({"aws_region": "eu-west-1"}, "me"),
                ({"aws_failover": "PRIMARY", "set_identifier": "blue"}, "blue"),
                ({}, ""),
            ):
                world.aws.calls.clear()
                world.update(addressed("www", **annotations))
                await until(lambda: world.calls(CHANGE))
                await until(partial(_has_identifier, world, "www", identifier))
                assert world.calls(CHANGE) == 1
            done.set()
            assert await asking == {("192.0.2.1",)}

    @pytest.mark.parametrize(
        "annotations",
        [
            {"aws_weight": "0"},
            {"aws_region": "us-east-1"},
            {"aws_failover": "SECONDARY", "aws_health_check_id": "hc-1"},
            {"aws_geolocation_continent_code": "EU"},
            {"aws_geolocation_country_code": "US", "aws_geolocation_subdivision_code": "NY"},
            {"aws_geoproximity_region": "us-east-1", "aws_geoproximity_bias": "-10"},
            {"aws_geoproximity_coordinates": "49.22,-74.01"},
            {"aws_geoproximity_local_zone_group": "us-east-1-bue-1", "aws_geoproximity_bias": "0"},
            {"aws_multi_value_answer": "true"},
        ],
    )
    async def test_every_policy_is_made_found_again_and_deleted(
        self, world: World, annotations: dict[str, str]
    ) -> None:
        world.create(addressed("www", "192.0.2.1", **annotations))
        assert await world.once() == {}
        assert [item.policies != () for item in sets(world, "www").values()] == [True]
        world.aws.calls.clear()
        await world.once()
        assert world.calls(CHANGE) == 0
        world.delete("www")
        assert await world.once() == {}
        assert (sets(world, "www"), world.records("TXT")) == ({}, {})

    async def test_a_bad_weight_moves_no_traffic(self, world: World) -> None:
        world.create(addressed("www", aws_weight="10"))
        async with world.running():
            await until(lambda: sets(world, "www"))
            world.update(addressed("www", "192.0.2.9", aws_weight="ten"))
            await until(lambda: ("Warning", "InvalidAnnotation") in world.events("www"))
            world.create(addressed("api"))
            await until(lambda: sets(world, "api"))
            assert [item.weight for item in sets(world, "www").values()] == [10]

    async def test_a_record_of_somebody_else_is_in_the_way(self, world: World) -> None:
        world.foreign("www", "192.0.2.9")
        world.create(addressed("www", aws_weight="1"))
        await world.once()
        assert world.records() == {"www": ("192.0.2.9",)}
        assert "MixedRouting" in world.reasons()


class TestZones:
    """Which zones are ours, and how they are reached."""

    async def test_only_zones_with_the_tags(self, world: World) -> None:
        tagged = world.aws.route53.create_zone("example.com", tags={"team": "web", "stage": "prod"})
        world.create(addressed("www"))
        await world.once("--aws-zone-tags=team", "--aws-zone-tags=stage=prod")
        assert world.records() == {}
        assert [item.type for item in world.aws.route53.record_sets(tagged)].count("A") == 1

    async def test_tags_are_asked_for_ten_zones_at_a_time(self, world: World) -> None:
        for number in range(20):
            world.aws.route53.create_zone(f"z{number}.example.org")
        await world.once("--aws-zone-tags=team")
        assert world.calls("ListTagsForResources") == 3

    async def test_one_zone_by_annotation(self, world: World) -> None:
        lower = world.aws.route53.create_zone("sub.example.com")
        world.create(
            service("www", "192.0.2.1", hostname="a.sub.example.com", **{"aws-hosted-zone-id": world.zone_id})
        )
        await world.once()
        assert world.records() == {"a.sub": ("192.0.2.1",)}
        assert [item.type for item in world.aws.route53.record_sets(lower)] == ["NS", "SOA"]

    @pytest.mark.parametrize("form", ["{}", "/hostedzone/{}", "arn:aws:route53:::hostedzone/{}"])
    async def test_one_zone_by_id_in_every_form(self, world: World, form: str) -> None:
        other = world.aws.route53.create_zone("sub.example.com")
        world.create(service("www", "192.0.2.1", hostname="a.sub.example.com"))
        assert await world.once(f"--zone-id-filter={form.format(other)}") == {}
        assert "A" in [item.type for item in world.aws.route53.record_sets(other)]
        assert world.records() == {}

    async def test_filters_that_leave_no_zone_say_which_there_are(self, world: World) -> None:
        flags = ("--zone-id-filter=Z0UNKNOWN", f"--aws-zone-role=Z0NONE=arn:aws:iam::{ACCOUNT}:role/dns")
        world.aws.sts.create_role(f"arn:aws:iam::{ACCOUNT}:role/dns")
        there = f"public zone example.com ({world.zone_id}) left out by --zone-id-filter"
        async with world.running(*flags) as controller:
            await until(lambda: len(world.decisions.newest()) == 3)
            state = controller.state()
        assert state["failures"] == {"hosted zones": f"no hosted zone to work on: there are {there}"}
        zone = {"id": world.zone_id, "name": "example.com", "private": False, "leftOutBy": "--zone-id-filter"}
        assert state["zonesLeftOut"] == [zone]
        assert {(one.reason, one.message) for one in world.decisions.newest()} == {
            ("NoHostedZone", f"no hosted zone to work on: there are {there}"),
            ("UnknownZoneId", "no hosted zone that is listed has the id of --zone-id-filter=Z0UNKNOWN"),
            ("UnknownZoneId", "no hosted zone that is listed has the id of --aws-zone-role=Z0NONE"),
        }

    async def test_an_unknown_zone_is_told(self, world: World) -> None:
        world.create(addressed("www", aws_hosted_zone_id="Z0UNKNOWN"))
        async with world.running():
            await until(lambda: world.events("www") == [("Warning", "NoZone")])
        assert world.records() == {}

    async def test_a_role_that_may_not_costs_its_own_zones_only(self, world: World) -> None:
        theirs = world.aws.route53.create_zone("example.org")
        world.create(addressed("www"), service("api", "192.0.2.2", hostname="api.example.org"))
        role = f"arn:aws:iam::{ACCOUNT}:role/dns"
        failures = await world.once(f"--aws-zone-role={theirs}={role}")
        assert list(failures) == [f"hosted zones of {role}"]
        assert world.records() == {"www": ("192.0.2.1",)}
        assert "ZoneError" in world.reasons()
        world.aws.sts.create_role(role)
        assert await world.once(f"--aws-zone-role={theirs}={role}") == {}
        assert [item.type for item in world.aws.route53.record_sets(theirs)].count("A") == 1

    async def test_a_role_for_all_zones_that_wants_an_external_id(self, world: World) -> None:
        world.create(addressed("www"))
        role = world.aws.sts.create_role("dns", trust_of_account(ACCOUNT, external_id="cluster-1"))
        assert list(await world.once(f"--aws-assume-role={role.arn}")) == ["hosted zones"]
        assert world.records() == {}
        flags = (f"--aws-assume-role={role.arn}", "--aws-assume-role-external-id=cluster-1")
        assert await world.once(*flags) == {}
        assert world.records() == {"www": ("192.0.2.1",)}
