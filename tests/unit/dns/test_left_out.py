"""Which setting leaves an object out, and what becomes of the deletes that it is to blame for."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.dns.config import Config
from addons.dns.controller.delete_budget import DeleteBudget
from addons.dns.desired.left_out import Filter, asks_for, filters_of, left_out_by
from addons.dns.desired.settings import SourceSettings, source_settings
from addons.dns.desired.source_service import service_endpoints
from addons.dns.model.actions import ChangeGroup, Plan, Wish
from addons.dns.model.endpoint import Desired, ref_of
from addons.dns.model.objects import Service, ServiceSpec
from addons.dns.model.zones import DomainFilter
from addons.dns.plan.guard import approval_hash
from addons.dns.plan.left_out import mark_left_out
from addons.dns.plan.records import Policy, Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.objects import ObjectMeta
from tests.support.dns import NOW, REGISTRY, ZONE, World, owned
from tests.support.dns_pods import PREFIX


def config(**settings: Any) -> Config:
    return Config(txt_owner_id="me", **settings)


def filters(**settings: Any) -> tuple[Filter, ...]:
    return filters_of(config(**settings), DomainFilter())


def service(kind: str = "LoadBalancer", hostname: str = "www.example.com", cluster_ip: str = "") -> Service:
    metadata = ObjectMeta(name="www", namespace="web", annotations={PREFIX + "hostname": hostname})
    return Service(metadata=metadata, spec=ServiceSpec(type=kind, cluster_ip=cluster_ip))


def read(obj: Service, settings: SourceSettings) -> Desired:
    return service_endpoints(obj, [], [], settings)


def blamed(obj: Service, name: str = "www.example.com", **settings: Any) -> str:
    return left_out_by(name, obj, partial(read, obj), filters(**settings))


class TestBlame:
    """The first setting without which the object asks, else all of them together."""

    def test_without_a_setting_that_narrows_only_what_is_not_set_can_be_to_blame(self) -> None:
        found = filters(source=("service",), namespace="web", policy="sync")
        assert [one.text for one in found] == [
            "--no-publish-internal-services",
            "--no-combine-fqdn-annotation",
        ]
        assert filters(publish_internal_services=True, combine_fqdn_annotation=True) == ()

    @pytest.mark.parametrize(
        ("settings", "text"),
        [
            ({"label_filter": "app=x"}, "--label-filter=app=x"),
            ({"annotation_filter": "team"}, "--annotation-filter=team"),
            ({"service_type_filter": ("NodePort", "ClusterIP")}, "--service-type-filter=NodePort,ClusterIP"),
            ({"annotation_prefix": ("dns.example/",)}, "--annotation-prefix=dns.example/"),
            ({"ignore_hostname_annotation": True}, "--ignore-hostname-annotation"),
            ({"ingress_class": ("alb",), "label_filter": "app=x"}, "--label-filter=app=x"),
            (
                {"ignore_hostname_annotation": True, "label_filter": "app=x"},
                "--label-filter=app=x and --ignore-hostname-annotation",
            ),
        ],
    )
    def test_it_is_named_as_it_was_written(self, settings: dict[str, Any], text: str) -> None:
        assert blamed(service(), **settings) == text

    def test_what_the_object_does_not_ask_for_anyway_is_no_setting_s_fault(self) -> None:
        assert blamed(service(), "api.example.com", label_filter="app=x") == ""
        assert blamed(service("ExternalName", hostname=""), label_filter="app=x") == ""

    def test_a_setting_that_is_not_set_may_be_the_one(self) -> None:
        obj = service("ClusterIP", cluster_ip="10.0.0.1")
        assert blamed(obj) == "--no-publish-internal-services"
        assert blamed(obj, label_filter="x") == "--label-filter=x and --no-publish-internal-services"
        labelled = {"fqdn_template": "{{.Name}}.example.org"}
        assert blamed(service(), "www.example.org", **labelled) == "--no-combine-fqdn-annotation"

    def test_a_name_that_cannot_be_read_may_be_any(self) -> None:
        assert blamed(service(hostname="a..b"), label_filter="app=x") == "--label-filter=app=x"

    def test_names_of_pods_are_those_of_their_headless_service(self) -> None:
        headless = service("ClusterIP", cluster_ip="None")
        assert blamed(headless, label_filter="app=x") == "--label-filter=app=x"
        assert blamed(headless, "db-0.www.example.com", label_filter="app=x") == "--label-filter=app=x"
        assert blamed(headless, "db-0.xwww.example.com", label_filter="app=x") == ""
        settings = source_settings(config(), DomainFilter())
        assert asks_for("www.example.com", headless, partial(read, headless), settings)


class TestNames:
    """Objects by what ownership texts call them."""

    @pytest.mark.parametrize(
        ("resource", "ref"),
        [
            ("service/web/www", "service/web/www"),
            ("crd/web/one", "dnsendpoint/web/one"),
            ("node/one", "node/one"),
            ("httproute/web/r", "httproute/web/r"),
        ],
    )
    def test_known_ones(self, resource: str, ref: str) -> None:
        assert str(ref_of(resource)) == ref

    @pytest.mark.parametrize("resource", ["", "virtualservice/web/x", "service", "service/web/"])
    def test_others(self, resource: str) -> None:
        assert ref_of(resource) is None


def plan(*names: str, policy: Policy = "sync") -> Plan:
    world = World(*(owned(name, "10.0.0.1", by=name) for name in names))
    rules = Rules(REGISTRY, policy, {})
    found = plan_zone(ZONE, set(world.records.names()), {}, world.records, rules)
    return mark_left_out(found, {Wish(f"service/web/{name}", f"{name}.example.com"): "--x" for name in names})


def budget(*approved: str) -> DeleteBudget:
    return DeleteBudget(percent=0, approved=approved, registry=REGISTRY, now=lambda: NOW)


def guarded(found: Plan, made: DeleteBudget, *, held: str = "") -> Plan:
    world = World(*(owned(group.name.partition(".")[0], "10.0.0.1") for group in found.groups))
    return made.guard(ZONE.id, found, world.records, held, ())


class TestHold:
    """Deletes for which a setting is to blame wait for a person; the budget does not count them."""

    def test_they_are_told_with_the_setting_and_the_hash(self) -> None:
        found = plan("www")
        (skip,) = guarded(found, budget()).skips
        assert (skip.reason, str(skip.ref)) == ("FilteredOut", "service/web/www")
        assert skip.message == (
            "www.example.com stays: --x leaves out service/web/www, which is there; "
            f"--approve-plan={approval_hash(found.groups)} lets 1 such names go"
        )

    def test_the_approved_ones_pass_the_budget_too(self) -> None:
        found = plan(*(f"s{number}" for number in range(30)))
        made = budget(approval_hash(found.groups))
        assert guarded(found, made).groups == found.groups
        assert (made.left_out, made.held) == ({}, {})

    def test_an_approved_one_may_go_later_than_the_others(self) -> None:
        found = plan("a", "b")
        made = budget(approval_hash(found.groups))
        first, second = guarded(found, made).groups
        assert [guarded(Plan((group,)), made).groups for group in (second, first)] == [(second,), (first,)]

    def test_one_more_needs_another_approval(self) -> None:
        made = budget(approval_hash(plan("a", "b").groups))
        assert guarded(plan("a", "b", "c"), made).groups == ()
        assert made.left_out[ZONE.id].approval == approval_hash(plan("a", "b", "c").groups)

    def test_while_a_source_is_not_read_that_is_the_reason(self) -> None:
        made = budget()
        found = guarded(plan("www"), made, held="services not read yet")
        assert [skip.reason for skip in found.skips] == ["DeletesHeld"]
        assert made.left_out == {}

    def test_without_sync_no_approval_is_needed_since_nothing_goes(self) -> None:
        found = plan("www", policy="upsert-only")
        assert [(skip.reason, skip.message) for skip in found.skips] == [
            ("FilteredOut", "www.example.com stays: --x leaves out service/web/www, which is there")
        ]


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_only_what_a_setting_is_to_blame_for_is_held(names: set[str], left_out: set[str]) -> None:
    world = World(*(owned(name, "10.0.0.1", by=name) for name in sorted(names)))
    found = plan_zone(ZONE, set(world.records.names()), {}, world.records, Rules(REGISTRY, "sync", {}))
    assert found.given_up == {Wish(f"service/web/{name}", f"{name}.example.com") for name in names}
    marked = mark_left_out(
        found, {Wish(f"service/web/{name}", f"{name}.example.com"): "--x" for name in left_out}
    )
    made = budget()
    passed: tuple[ChangeGroup, ...] = made.guard(ZONE.id, marked, world.records, "", ()).groups
    assert {group.name for group in passed} == {f"{name}.example.com" for name in names - left_out}
