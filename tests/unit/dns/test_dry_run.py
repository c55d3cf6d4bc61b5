"""A plan as lines: what a dry run prints."""

from msgspec.structs import replace

from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import Alias, Change
from addons.dns.plan.dry_run import preview
from addons.runtime.outcomes import PlanLine, Skip
from tests.support.dns import record, service


def shown(change: Change) -> dict[str, object]:
    """The one change of a group, as a line shows it."""
    group = ChangeGroup("Z1/www.example.com", "www.example.com", "create", (change,), service("www"), "asked")
    (line,) = preview(Plan((group,)))
    assert (line.key, line.action, line.object, line.because) == (
        "Z1/www.example.com",
        "create",
        "service/web/www",
        "asked",
    )
    (found,) = line.details["changes"]
    assert isinstance(found, dict)
    return found


def test_a_plain_record() -> None:
    assert shown(Change("CREATE", record("www", "192.0.2.1"))) == {
        "action": "CREATE",
        "name": "www.example.com",
        "type": "A",
        "ttl": 300,
        "values": ["192.0.2.1"],
    }


def test_an_alias_with_a_policy() -> None:
    alias = record("www", alias=Alias("Z2", "lb.example.net", True))
    routed = replace(alias, set_identifier="me", routing=(("Weight", "1"),), health_check_id="hc")
    found = shown(Change("CREATE", routed))
    assert (found["alias"], found["setIdentifier"]) == ("lb.example.net", "me")
    assert (found["routing"], found["healthCheck"]) == ({"Weight": "1"}, "hc")


def test_a_decision_not_to_act() -> None:
    (line,) = preview(Plan(skips=(Skip("Z1/a", None, "NoTargets", "nothing there"),)))
    assert line == PlanLine("Z1/a", "skip", "", "nothing there", {"reason": "NoTargets"})
