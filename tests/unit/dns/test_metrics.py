"""The figures of dns: counted by zone and type, and gone with the zone."""

from prometheus_client import REGISTRY as EXPORTED

from addons.dns.controller.metrics import Metrics, count
from addons.dns.model.actions import ChangeGroup, Plan
from addons.runtime.errors import Invalid
from addons.runtime.outcomes import Outcome, Skip
from tests.support.dns import NOW, REGISTRY, ZONE, World, by_name, endpoint, owned, record


def figure(metric: str, **labels: str) -> float | None:
    return EXPORTED.get_sample_value(metric, labels)


def full_pass(metrics: Metrics) -> None:
    """Three wanted records, of which two exist, one of them a stranger's."""
    world = World(owned("a", "10.0.0.1"), record("b", "10.0.0.2"), owned("old", "10.0.0.3"))
    wanted = by_name(
        [endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.2"), endpoint("c", "2001:db8::1"), endpoint("d")]
    )
    plan = Plan((), (Skip("Z1/b", None, "OwnerConflict", ""), Skip("Z1/old", None, "DeletesHeld", "")))
    metrics.counted(ZONE, count(wanted, world.records, REGISTRY))
    metrics.planned(ZONE, plan)


def test_a_full_pass_counts_what_is_wanted_what_is_there_and_what_is_in_the_way() -> None:
    full_pass(Metrics(lambda: NOW))
    zone = {"zone": "Z1", "name": "example.com"}
    assert figure("external_dns_source_endpoints_total") == 3
    assert figure("external_dns_source_records", record_type="AAAA") == 1
    assert figure("external_dns_registry_endpoints_total") == 3
    assert figure("external_dns_controller_verified_records", record_type="A") == 2
    assert figure("addons_dns_records", **zone, whose="all") == 5
    assert figure("addons_dns_records", **zone, whose="ours") == 2
    assert figure("addons_dns_conflicts", **zone, reason="OwnerConflict") == 1
    assert figure("addons_dns_held_deletes", **zone, reason="DeletesHeld") == 1


def test_the_figures_of_a_zone_go_with_it() -> None:
    metrics = Metrics(lambda: NOW)
    full_pass(metrics)
    metrics.keep(())
    assert figure("external_dns_source_endpoints_total") == 0
    assert figure("addons_dns_records", zone="Z1", name="example.com", whose="all") is None


def test_names_outside_the_domain_filter_are_counted_by_source_while_we_lead() -> None:
    metrics = Metrics(lambda: NOW)
    full_pass(metrics)
    metrics.left_out({"Service": 3})
    assert figure("addons_dns_names_outside_domain_filter", source="service") == 3
    metrics.keep(())
    assert figure("addons_dns_names_outside_domain_filter", source="service") is None


def test_a_pass_counts_changes_and_only_a_good_one_is_a_sync() -> None:
    metrics = Metrics(lambda: NOW)
    group = ChangeGroup("Z1/a", "a.example.com", "create", (), None, "")
    before = figure("addons_dns_change_groups_total", verb="create", outcome="failed") or 0
    metrics.passed(ZONE, [Outcome(group)], not_ready="", at=1.0)
    assert figure("external_dns_controller_last_sync_timestamp_seconds") == NOW.timestamp()
    metrics._now = lambda: NOW.replace(year=2027)
    metrics.passed(ZONE, [Outcome(group, Invalid("no"))], not_ready="services not read yet", at=2.0)
    assert figure("external_dns_controller_last_sync_timestamp_seconds") == NOW.timestamp()
    assert figure("addons_dns_change_groups_total", verb="create", outcome="failed") == before + 1


def test_the_lag_runs_from_the_first_change_to_the_answer() -> None:
    metrics = Metrics(lambda: NOW)
    before = figure("addons_dns_sync_lag_seconds_sum") or 0
    group = ChangeGroup("Z1/a", "a.example.com", "create", (), None, "")
    metrics.woken("Z1", at=10.0)
    metrics.woken("Z1", at=12.0)
    metrics.passed(ZONE, [Outcome(group)], not_ready="", at=13.0)
    metrics.passed(ZONE, [Outcome(group)], not_ready="", at=20.0)
    assert figure("addons_dns_sync_lag_seconds_sum") == before + 3.0
