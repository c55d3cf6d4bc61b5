"""Aliases and routing policies in a zone: one atomic change, and nothing that Route 53 would refuse."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import Alias, RecordSet, Zone, ZoneRecords
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.outcomes import ObjectRef
from tests.support.dns import REGISTRY, ZONE, World, endpoint, fqdn, owned, record, text

ELB = "lb-1.eu-central-1.elb.amazonaws.com"
ELB_ZONE = "Z215JYRZR1TBD5"


def aliased(name: str, target: str = ELB, zone_id: str = ELB_ZONE, by: str = "www") -> list[Endpoint]:
    """The endpoints of both kinds of alias."""
    alias = Alias(zone_id, target, True)
    return [replace(endpoint(name, by=by), type=kind, ttl=0, alias=alias) for kind in ("A", "AAAA")]


def routed(one: Endpoint, identifier: str = "me", **policy: str) -> Endpoint:
    """The endpoint with a routing policy: `Weight="1"`."""
    return replace(one, set_identifier=identifier, routing=tuple(policy.items()))


def settled(*endpoints: Endpoint) -> World:
    """A zone that holds what is asked."""
    world = World()
    world.apply(world.plan(*endpoints).groups)
    return world


@dataclass(frozen=True)
class Switch:
    """From some endpoints to others, both granted."""

    old: list[Endpoint]
    new: list[Endpoint]


CNAME = [endpoint("www", ELB)]
PLAIN = [endpoint("www", "192.0.2.1")]
WEIGHTED = [routed(PLAIN[0], Weight="1")]
SWITCHES = {
    "CNAME to alias": Switch(CNAME, aliased("www")),
    "alias to CNAME": Switch(aliased("www"), CNAME),
    "addresses to alias": Switch(PLAIN, aliased("www")),
    "alias to addresses": Switch(aliased("www"), PLAIN),
    "plain to weighted": Switch(PLAIN, WEIGHTED),
    "weighted to plain": Switch(WEIGHTED, PLAIN),
    "weighted to latency": Switch(WEIGHTED, [routed(PLAIN[0], Region='"eu-west-1"')]),
    "another set identifier and policy": Switch(
        WEIGHTED, [routed(PLAIN[0], "blue", MultiValueAnswer="true")]
    ),
    "weighted CNAME to weighted alias": Switch(
        [routed(CNAME[0], Weight="1")], [routed(one, Weight="1") for one in aliased("www")]
    ),
    "plain CNAME to weighted alias": Switch(CNAME, [routed(one, Weight="1") for one in aliased("www")]),
    "two weighted sets to latency": Switch(
        [routed(endpoint("www", "192.0.2.1", by=by), by, Weight="1") for by in ("blue", "green")],
        [
            routed(endpoint("www", "192.0.2.1", by=by), by, Region=f'"{region}"')
            for by, region in (("blue", "eu-west-1"), ("green", "us-east-1"))
        ],
    ),
    "the parts of two sets in a failover": Switch(
        [
            routed(endpoint("www", "192.0.2.1", by=by), by, Failover=f'"{part}"')
            for by, part in (("blue", "PRIMARY"), ("green", "SECONDARY"))
        ],
        [
            routed(endpoint("www", "192.0.2.1", by=by), by, Failover=f'"{part}"')
            for by, part in (("blue", "SECONDARY"), ("green", "PRIMARY"))
        ],
    ),
    "the TTL of two weighted sets": Switch(
        [routed(endpoint("www", "192.0.2.1", by=by), by, Weight="1") for by in ("blue", "green")],
        [routed(endpoint("www", "192.0.2.1", by=by, ttl=60), by, Weight="1") for by in ("blue", "green")],
    ),
}


class TestSwitches:
    """What a name is changes in one atomic group, so that no resolver ever finds nothing."""

    @pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES.keys())
    def test_in_one_group(self, switch: Switch) -> None:
        world = settled(*switch.old)
        planned = world.plan(*switch.new)
        assert planned.verbs == ["update www"]
        world.apply(planned.groups)
        assert world.contents() == settled(*switch.new).contents()
        assert world.plan(*switch.new).groups == ()

    @pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES.keys())
    def test_nothing_is_left_when_nobody_asks_any_more(self, switch: Switch) -> None:
        world = settled(*switch.old)
        world.apply(world.plan(*switch.new).groups)
        world.apply(world.plan().groups)
        assert world.contents() == frozenset()

    def test_a_policy_without_deletes_forbids_it(self) -> None:
        planned = settled(*PLAIN).plan(*WEIGHTED, policy="upsert-only")
        assert planned.groups == ()
        assert ("PolicyForbids", "service/web/www") in planned.skips


PLACES = {
    "Region": '"eu-west-1"',
    "Failover": '"PRIMARY"',
    "GeoLocation": '{"CountryCode": "DE"}',
}


@pytest.mark.parametrize(("field", "value"), PLACES.items())
class TestPlaces:
    """A region, a location or a part in a failover has one record set of a name and type."""

    def asked(self, field: str, value: str, *, address: str = "192.0.2.1") -> list[Endpoint]:
        """What a holder and a newcomer ask for."""
        return [
            routed(endpoint("www", address, by="holder"), "x", **{field: value}),
            routed(endpoint("www", "192.0.2.9", by="newcomer"), "a", **{field: value}),
        ]

    def test_a_newcomer_waits_and_the_holder_is_served(self, field: str, value: str) -> None:
        world = settled(*self.asked(field, value)[:1])
        planned = world.plan(*self.asked(field, value, address="192.0.2.2"))
        assert planned.changes == ["DELETE A www", "CREATE A www"]
        assert planned.skips == [("MixedRouting", "service/web/newcomer")]

    def test_it_takes_the_place_of_a_holder_that_goes_in_one_group(self, field: str, value: str) -> None:
        holder, newcomer = self.asked(field, value)
        assert settled(holder).plan(newcomer).verbs == ["update www"]

    def test_of_two_that_come_at_once_one_is_served(self, field: str, value: str) -> None:
        planned = World().plan(*self.asked(field, value))
        assert planned.verbs == ["create www"]
        assert planned.skips == [("MixedRouting", "service/web/holder")]


class TestAliases:
    """An alias leads to a zone of AWS, or to a name beside it in the same zone."""

    def test_each_kind_has_its_own_text(self) -> None:
        assert World().plan(*aliased("www")).changes == [
            "CREATE A www",
            "CREATE TXT a-www",
            "CREATE AAAA www",
            "CREATE TXT aaaa-www",
        ]

    @pytest.mark.parametrize("spelling", [f"dualstack.{ELB}", ELB.upper(), f"{ELB}."])
    def test_spellings_of_a_target_are_one(self, spelling: str) -> None:
        world = settled(*aliased("www", spelling))
        assert world.plan(*aliased("www")).groups == ()

    def test_health_is_not_a_spelling(self) -> None:
        blind = [replace(one, alias=Alias(ELB_ZONE, ELB, False)) for one in aliased("www")]
        assert settled(*blind).plan(*aliased("www")).verbs == ["update www"]

    def test_a_text_of_old_versions_is_ownership_and_goes_with_a_cname(self) -> None:
        old = RecordSet(fqdn("www"), "A", 0, alias=Alias(ELB_ZONE, ELB, True))
        world = World(old, text("cname-www"))
        assert world.plan(*aliased("www")).changes == [
            "CREATE TXT a-www",
            "CREATE AAAA www",
            "CREATE TXT aaaa-www",
        ]
        world.apply(world.plan(*CNAME).groups)
        assert world.contents() == settled(*CNAME).contents()

    def test_in_each_zone_of_a_name_it_leads_to_that_zone(self) -> None:
        one = aliased("www", "api.example.com", zone_id="")[:1]
        for zone_id in ("Zpublic", "Zprivate"):
            records = ZoneRecords([record("api", "192.0.2.1")])
            zone = Zone(zone_id, "example.com")
            plan = plan_zone(zone, [one[0].name], {one[0].name: one}, records, Rules(REGISTRY, "sync", {}))
            aliases = [change.record.alias for group in plan.groups for change in group.changes]
            assert Alias(zone_id, "api.example.com", True) in aliases

    def test_only_of_the_types_that_its_target_has(self) -> None:
        world = World(record("api", "192.0.2.1"))
        planned = world.plan(*aliased("www", "api.example.com", zone_id=""))
        assert planned.changes == ["CREATE A www", "CREATE TXT a-www"]

    @pytest.mark.parametrize("target", ["api.example.com", "www.example.com"])
    def test_a_target_that_is_not_there_is_told(self, target: str) -> None:
        planned = World().plan(*aliased("www", target, zone_id=""))
        assert planned.groups == ()
        assert planned.skips == [("AliasTargetMissing", "service/web/www")]

    def test_a_target_of_nobody_we_know_is_told(self) -> None:
        planned = World().plan(*aliased("www", "lb.example.net", zone_id=""))
        assert planned.skips == [("AliasTargetUnknown", "service/web/www")]

    def test_a_zone_that_was_asked_for(self) -> None:
        (one,) = aliased("www", "lb.eu-new-1.elb.amazonaws.com", zone_id="")[:1]
        rules = Rules(REGISTRY, "sync", {}, alias_zones={"lb.eu-new-1.elb.amazonaws.com": "Znew"})
        plan = plan_zone(ZONE, [one.name], {one.name: [one]}, ZoneRecords(), rules)
        alias = plan.groups[0].changes[0].record.alias
        assert alias == Alias("Znew", "lb.eu-new-1.elb.amazonaws.com", True)


class TestPolicies:
    """Each set identifier is owned by itself, and has a text of the same routing."""

    def test_the_text_is_routed_like_its_record(self) -> None:
        one = replace(WEIGHTED[0], health_check_id="hc")
        changes = World().plan(one).groups[0].changes
        assert [change.record.type for change in changes] == ["A", "TXT"]
        assert {
            (change.record.set_identifier, change.record.routing, change.record.health_check_id)
            for change in changes
        } == {("me", (("Weight", "1"),), "hc")}

    def test_another_weight_is_another_record_and_another_text(self) -> None:
        assert settled(*WEIGHTED).plan(routed(PLAIN[0], Weight="2")).changes == [
            "DELETE A www",
            "DELETE TXT a-www",
            "CREATE A www",
            "CREATE TXT a-www",
        ]

    def test_two_clusters_share_a_name(self) -> None:
        world = settled(*WEIGHTED)
        other = [
            replace(found, set_identifier="you", values=(found.values[0].replace("owner=me", "owner=you"),))
            for found in world.contents()
        ]
        both = World(*world.contents(), other)
        assert both.plan(*WEIGHTED).groups == ()
        both.apply(both.plan().groups)
        assert both.contents() == frozenset(other)

    def test_a_bias_of_nothing_is_none(self) -> None:
        bare, spelled = (
            routed(PLAIN[0], GeoProximityLocation=f'{{"AWSRegion": "eu-west-1"{bias}}}')
            for bias in ("", ', "Bias": 0')
        )
        assert settled(spelled).plan(bare).groups == ()

    @pytest.mark.parametrize("ttl", [60, 300])
    def test_a_foreign_record_of_another_kind_is_in_the_way(self, ttl: int) -> None:
        foreign = record("www", "192.0.2.9", ttl=ttl)
        assert World(foreign).plan(*WEIGHTED).skips == [("MixedRouting", "service/web/www")]
        latency = replace(foreign, set_identifier="you", routing=(("Region", '"eu-west-1"'),))
        assert World(latency).plan(*WEIGHTED).skips == [("MixedRouting", "service/web/www")]

    def test_so_is_one_of_the_same_kind_with_another_ttl(self) -> None:
        foreign = replace(
            record("www", "192.0.2.9", ttl=60), set_identifier="you", routing=(("Weight", "1"),)
        )
        assert World(foreign).plan(*WEIGHTED).skips == [("MixedRouting", "service/web/www")]

    def test_of_two_new_ones_of_different_kinds_the_first_is_made(self) -> None:
        latency = routed(endpoint("www", "192.0.2.2", by="api"), "blue", Region='"eu-west-1"')
        planned = World().plan(*WEIGHTED, latency)
        assert planned.verbs == ["create www"]
        assert planned.skips == [("MixedRouting", "service/web/www")]
        assert World(*settled(latency).contents()).plan(*WEIGHTED, latency).groups == ()

    def test_what_is_ours_then_stays_as_it_is(self) -> None:
        latency = replace(
            record("www", "192.0.2.9"), set_identifier="you", routing=(("Region", '"eu-west-1"'),)
        )
        mine = settled(routed(PLAIN[0], Region='"us-east-1"')).contents()
        planned = World(latency, *mine).plan(*WEIGHTED)
        assert planned.groups == ()
        assert planned.skips == [("MixedRouting", "service/web/www")]


class TestStrangers:
    """An object that comes later with another kind of routing waits; the others are served as before."""

    def weighted(self, address: str, by: str = "blue", weight: str = "1") -> Endpoint:
        return routed(endpoint("www", address, by=by), by, Weight=weight)

    def stranger(self, address: str = "192.0.2.9") -> Endpoint:
        found = endpoint("www", address, by="stranger", created="2027")
        return replace(found, asked_by=replace(found.asked_by, ref=replace_namespace(found, "elsewhere")))

    def test_the_holder_is_updated_and_the_newcomer_told(self) -> None:
        world = settled(self.weighted("192.0.2.1"))
        planned = world.plan(self.weighted("192.0.2.2"), self.stranger())
        assert (planned.verbs, planned.skips) == (
            ["update www"],
            [("MixedRouting", "service/elsewhere/stranger")],
        )
        world.apply(planned.groups)
        assert {found.values for found in world.contents() if found.type == "A"} == {("192.0.2.2",)}

    def test_a_plain_holder_is_updated_beside_a_weighted_newcomer(self) -> None:
        world = settled(*PLAIN)
        planned = world.plan(endpoint("www", "192.0.2.2"), self.weighted("192.0.2.9"))
        assert (planned.verbs, planned.skips) == (["update www"], [("MixedRouting", "service/web/blue")])

    def test_another_weight_another_set_and_a_deletion_are_carried_out(self) -> None:
        world = settled(self.weighted("192.0.2.1"), self.weighted("192.0.2.2", "green"))
        asked = [
            self.weighted("192.0.2.1", weight="7"),
            self.weighted("192.0.2.3", "yellow"),
            self.stranger(),
        ]
        planned = world.plan(*asked)
        assert sorted(planned.verbs) == ["create www", "delete www", "update www"]
        assert planned.skips == [("MixedRouting", "service/elsewhere/stranger")]
        world.apply(planned.groups)
        assert world.contents() == settled(*asked[:2]).contents()

    def test_all_holders_may_change_the_kind_together(self) -> None:
        old = [self.weighted("192.0.2.1"), self.weighted("192.0.2.2", "green")]
        new = [
            routed(endpoint("www", "192.0.2.1", by="blue"), "blue", Region='"eu-west-1"'),
            routed(endpoint("www", "192.0.2.2", by="green"), "green", Region='"us-east-1"'),
        ]
        world = settled(*old)
        planned = world.plan(*new, self.stranger())
        assert (planned.verbs, planned.skips) == (
            ["update www"],
            [("MixedRouting", "service/elsewhere/stranger")],
        )

    def test_a_holder_that_changes_the_kind_alone_waits_and_the_other_does_not(self) -> None:
        world = settled(self.weighted("192.0.2.1"), self.weighted("192.0.2.2", "green"))
        latency = routed(endpoint("www", "192.0.2.1", by="blue"), "blue", Region='"eu-west-1"')
        planned = world.plan(latency, self.weighted("192.0.2.3", "green"))
        assert (planned.verbs, planned.skips) == (["update www"], [("MixedRouting", "service/web/blue")])

    def test_when_the_holders_are_gone_the_newcomer_has_the_name_in_one_change(self) -> None:
        world = settled(self.weighted("192.0.2.1"))
        planned = world.plan(self.stranger())
        assert planned.verbs == ["update www"]
        world.apply(planned.groups)
        assert {found.values for found in world.contents() if found.type == "A"} == {("192.0.2.9",)}

    def test_what_an_object_has_is_not_given_up_for_what_it_cannot_have(self) -> None:
        foreign = replace(record("www", "192.0.2.7"), set_identifier="you", routing=(("Weight", "1"),))
        world = World(foreign, *settled(self.weighted("192.0.2.1")).contents())
        latency = routed(endpoint("www", "192.0.2.1", by="blue"), "other", Region='"eu-west-1"')
        planned = world.plan(latency)
        assert planned.groups == ()
        assert set(planned.skips) == {("MixedRouting", "service/web/blue"), ("MixedRouting", "")}


def replace_namespace(found: Endpoint, namespace: str) -> ObjectRef:
    return ObjectRef(found.asked_by.ref.kind, namespace, found.asked_by.ref.name)


class TestUnclear:
    """A fault in an annotation changes nothing, neither now nor later."""

    @pytest.mark.parametrize("identifier", ["", "me", "blue"])
    def test_what_exists_stays(self, identifier: str) -> None:
        unclear = replace(endpoint("www"), set_identifier=identifier, is_unusable=True)
        for held in (PLAIN, WEIGHTED, aliased("www")):
            planned = settled(*held).plan(unclear)
            assert planned.groups == ()
            assert ("RecordKept", "service/web/www") in planned.skips

    def test_but_what_another_object_left_goes(self) -> None:
        unclear = replace(endpoint("www"), set_identifier="me", is_unusable=True)
        world = World(owned("www", "192.0.2.1", by="other"))
        assert world.plan(unclear).verbs == ["delete www"]

    def test_an_object_without_target_keeps_its_record_under_a_new_set_identifier(self) -> None:
        planned = settled(*PLAIN).plan(routed(endpoint("www"), Weight="1"))
        assert planned.groups == ()
