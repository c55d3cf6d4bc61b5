"""A plan as lines: what a dry run prints."""

from typing import Any

import msgspec
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AwsAction,
    CreateListener,
    CreateRule,
    CreateTargetGroup,
    DeleteListener,
    ModifyRule,
    Plan,
    SetRulePriorities,
)
from addons.albingress.plan.dry_run import preview
from addons.runtime.outcomes import PlanLine, Skip
from addons.runtime.plan_output import as_json_lines, as_table
from tests.support.alb_stacks import (
    LISTENER,
    LOGIN,
    NAME,
    ingress,
    there,
    to,
    wish,
    wished_group,
    wished_listener,
)


def shown(action: AwsAction) -> dict[str, Any]:
    (line,) = preview(Plan((action,)))
    assert line.key == action.key
    found = msgspec.json.decode(as_json_lines([line]))["details"]
    assert isinstance(found, dict)
    return found


SECRET = replace(wish("a.org", "/x", LOGIN, to("g1")), secret="hunter2", secret_digest="digest-of-it")
MADE = CreateRule(
    key="rule/1",
    ref=ingress("app"),
    because="asked for",
    needs=("g",),
    listener=LISTENER,
    priority=7,
    rule=SECRET,
)


def test_an_action_says_what_it_does_for_whom_and_why() -> None:
    (line,) = preview(Plan((MADE,)))
    assert line.action == "create rule"
    assert (line.key, line.object, line.because) == ("rule/1", "ingress/web/app", "asked for")


def test_a_rule_shows_what_it_matches_and_does() -> None:
    found = shown(MADE)
    assert (found["needs"], found["listener"], found["priority"]) == (["g"], LISTENER, 7)
    conditions, (login, forward) = found["rule"]["content"]["conditions"], found["rule"]["content"]["actions"]
    assert conditions[0] == {"field": "host-header", "values": ["a.org"]}
    assert (login["type"], login["issuer"]) == ("AuthenticateOidc", "https://idp")
    assert forward == {"type": "Forward", "targets": [{"group": "g1", "weight": 1}]}


def test_a_change_shows_what_was_there() -> None:
    before = wish("a.org", "/x", to("g2"))
    assert before.content is not None
    assert SECRET.content is not None
    action = ModifyRule(
        key="rule/1",
        ref=None,
        because="",
        listener=LISTENER,
        existing=there(before, 3),
        rule=SECRET,
        content=SECRET.content,
    )
    found = shown(action)
    assert found["existing"]["content"]["actions"] == [
        {"type": "Forward", "targets": [{"group": "g2", "weight": 1}]}
    ]
    assert found["existing"]["priority"] == 3


def test_no_secret_is_shown() -> None:
    port = replace(wished_listener(SECRET), default_secret="hunter3", default_secret_digest="digest-of-3")
    opened = CreateListener(key="l", ref=None, because="", load_balancer=NAME, listener=port)
    text = as_json_lines(preview(Plan((MADE, opened)))) + as_table(preview(Plan((MADE, opened))))
    assert "hunter" not in text
    assert "digest-of" not in text


def test_a_listener_shows_its_settings_and_not_its_rules() -> None:
    opened = CreateListener(
        key="l", ref=None, because="", load_balancer=NAME, listener=wished_listener(SECRET)
    )
    found = shown(opened)["listener"]
    assert (found["port"], found["protocol"]) == (80, "HTTP")
    assert found["defaultActions"] == [
        {"type": "FixedResponse", "status": "404", "contentType": "text/plain"}
    ]
    assert "rules" not in found


def test_a_target_group_shows_its_health_check() -> None:
    group = wished_group("g9")
    found = shown(CreateTargetGroup(key="g", ref=None, because="", target_group=group))["targetGroup"]
    assert (found["name"], found["targetType"], found["health"]["path"]) == ("g9", "ip", "/")


def test_places_are_shown_by_rule() -> None:
    moves = SetRulePriorities(
        key="p", ref=None, because="", listener=LISTENER, priorities={"arn:r": 4}, created={9: 5}
    )
    assert shown(moves) == {"listener": LISTENER, "priorities": {"arn:r": 4}, "created": {"9": 5}}


def test_a_decision_not_to_act() -> None:
    (line,) = preview(Plan(skips=(Skip("rule/1", None, "DeleteHeld", "stays for now"),)))
    assert line == PlanLine("rule/1", "skip", "", "stays for now", {"reason": "DeleteHeld"})


def test_a_table_counts_what_would_be_done() -> None:
    closed = DeleteListener(key="l", ref=None, because="nobody asks for it", arn="arn", listener=LISTENER)
    table = as_table(preview(Plan((MADE, closed), (Skip("g", None, "Waiting", "waits"),))))
    assert "create rule      ingress/web/app  rule/1  asked for" in table
    assert table.endswith("in all: 1 create rule, 1 delete listener, 1 skip\n")
