"""Listeners: opened, changed in place, and closed; certificates, default actions, attributes, secrets."""

from typing import Any

import pytest
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AddListenerCertificates,
    AwsAction,
    CreateListener,
    CreateRule,
    DeleteListener,
    ModifyListener,
    ModifyListenerAttributes,
    Plan,
    RemoveListenerCertificates,
    RemoveTags,
    SetTags,
)
from addons.albingress.model.elb import Listener, ObservedStack
from addons.albingress.model.quotas import Quotas
from addons.albingress.model.rules import FixedResponse, Forward, Redirect, WeightedTarget
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.digest import attributes_digest
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import TargetState
from addons.runtime.outcomes import Blocked
from tests.support.alb_actions import apply_all
from tests.support.alb_stacks import (
    LISTENER,
    LOGIN,
    NAME,
    NOT_FOUND,
    NOW,
    listener,
    observed,
    owner,
    stack,
    tags,
    there,
    to,
    view,
    wish,
    wished_listener,
)

ONE, TWO, THREE = (f"arn:aws:acm:eu-west-1:1:certificate/{number}" for number in (1, 2, 3))


def https(*certificates: str, **more: Any) -> DesiredListener:
    more = {"port": 443, "ssl_policy": "new", **more}
    return wished_listener(protocol="HTTPS", certificates=certificates, **more)


def has_https(*certificates: str, **more: Any) -> Listener:
    more = {"port": 443, "ssl_policy": "new", **more}
    return listener(protocol="HTTPS", certificates=certificates, **more)


def plan(wish: DesiredListener, there: Listener | None = None, **seen: Any) -> Plan:
    start = observed(*([there] if there else []))
    return plan_stack(stack(wish), start, view(**seen))


def kinds(found: Plan) -> list[type[AwsAction]]:
    return [type(action) for action in found.actions]


def end(found: Plan, there: Listener) -> Listener:
    return apply_all(observed(there), found.actions).load_balancers[0].listeners[0]


class TestANewPort:
    def test_is_opened_with_its_default_action_where_that_leads_nowhere(self) -> None:
        found = plan(wished_listener(wish("a.org", "/*")))
        assert kinds(found) == [CreateListener, CreateRule]

    @pytest.mark.parametrize(
        "default", [to("g2"), Redirect("HTTP_301", "HTTPS")], ids=["forward", "redirect"]
    )
    def test_leads_nowhere_until_its_rules_are_there(self, default: Forward | Redirect) -> None:
        opened, rule, turned = plan(wished_listener(wish("a.org", "/*"), default=default)).actions
        assert isinstance(opened, CreateListener)
        assert isinstance(turned, ModifyListener)
        assert opened.listener.default_actions == (FixedResponse("503", "text/plain", "not ready yet"),)
        assert turned.listener.default_actions == (default,)
        assert {opened.key, rule.key} <= set(turned.needs)

    def test_without_rules_leads_to_its_default_backend_at_once(self) -> None:
        found = plan(wished_listener(default=to("g2")))
        assert kinds(found) == [CreateListener]

    def test_answers_503_while_the_target_group_of_its_default_backend_cannot_be_made(self) -> None:
        wanted = stack(wished_listener(wish("a.org", "/*"), default=to("g9")), groups=["g1", "g9"])
        blocked = {"target-group/g9": Blocked(30, "no more target groups", 1)}
        found = plan_stack(wanted, observed(), view(blocked=blocked))
        opened = next(each for each in found.actions if isinstance(each, CreateListener))
        assert opened.listener.default_actions[0] == FixedResponse("503", "text/plain", "refused by AWS")
        assert CreateRule in kinds(found)
        assert {skip.reason for skip in found.skips} == {names.WAITING, names.BLOCKED}

    def test_is_not_opened_to_be_kept_as_it_is(self) -> None:
        assert plan(wished_listener(wish("a.org", "/*"), state="keep")).actions == ()

    def test_https_is_not_opened_without_a_certificate(self) -> None:
        assert plan(https()).actions == ()

    def test_has_the_digest_of_its_attributes_in_a_tag(self) -> None:
        attributes = (("a", "1"),)
        (opened,) = plan(wished_listener(attributes=attributes)).actions
        assert isinstance(opened, CreateListener)
        assert dict(opened.listener.tags)[names.TAG_SPEC] == attributes_digest(attributes)


class TestCertificates:
    def test_come_before_others_go(self) -> None:
        found = plan(https(ONE, THREE), has_https(ONE, TWO))
        assert kinds(found) == [AddListenerCertificates, RemoveListenerCertificates]
        assert found.actions[1].needs == (found.actions[0].key,)
        assert end(found, has_https(ONE, TWO)).certificates == (ONE, THREE)

    def test_go_first_where_there_is_no_room_for_more(self) -> None:
        before = has_https(ONE, TWO)
        found = plan(https(ONE, THREE), before, quotas=Quotas(certificates=1))
        assert kinds(found) == [RemoveListenerCertificates, AddListenerCertificates]
        assert found.actions[1].needs == (found.actions[0].key,)
        assert end(found, before).certificates == (ONE, THREE)

    def test_another_default_one_comes_by_itself(self) -> None:
        found = plan(https(TWO), has_https(ONE))
        assert kinds(found) == [ModifyListener]
        assert end(found, has_https(ONE)).certificates == (TWO,)

    def test_a_default_one_that_becomes_one_of_the_others_is_never_missing(self) -> None:
        found = plan(https(TWO, ONE), has_https(ONE, TWO))
        assert kinds(found) == [AddListenerCertificates, ModifyListener]
        assert found.actions[1].needs == (found.actions[0].key,)
        assert end(found, has_https(ONE, TWO)).certificates == (TWO, ONE)

    def test_in_another_order_behind_the_default_one_are_the_same(self) -> None:
        assert plan(https(ONE, THREE, TWO), has_https(ONE, TWO, THREE)).actions == ()

    def test_stay_where_none_can_be_used(self) -> None:
        assert plan(https(), has_https(ONE, TWO)).actions == ()

    def test_stay_where_the_port_is_kept(self) -> None:
        assert plan(https(THREE, state="keep", ssl_policy="old"), has_https(ONE, TWO)).actions == ()

    def test_are_not_taken_away_from_an_ingress_that_is_served_nowhere_else_yet(self) -> None:
        found = plan(https(ONE), has_https(ONE, TWO), retained=frozenset({"web/moving"}))
        assert found.actions == ()

    def test_are_not_taken_away_while_caches_are_old(self) -> None:
        found = plan(https(ONE), has_https(ONE, TWO), is_fresh=False)
        assert found.actions == ()
        assert [skip.reason for skip in found.skips] == [names.DELETE_HELD]


class TestProtocolAndPolicy:
    def test_change_at_one_moment_with_the_default_certificate(self) -> None:
        found = plan(https(ONE, TWO, port=80), listener())
        assert kinds(found) == [ModifyListener, AddListenerCertificates]
        assert isinstance(found.actions[0], ModifyListener)
        assert found.actions[0].parts == ("tls",)
        assert found.actions[1].needs == (found.actions[0].key,)
        assert end(found, listener()).certificates == (ONE, TWO)

    def test_rules_with_a_login_wait_for_https(self) -> None:
        found = plan(https(ONE, port=80, rules=(wish("a.org", "/*", LOGIN, to("g1")),)), listener())
        assert kinds(found) == [ModifyListener, CreateRule]
        assert found.actions[0].key in found.actions[1].needs

    def test_http_comes_when_no_rule_has_a_login_any_more(self) -> None:
        before = has_https(ONE, port=80, rules=(there(wish("a.org", "/*", LOGIN, to("g1")), 10),))
        found = plan(wished_listener(wish("a.org", "/*", NOT_FOUND)), before)
        assert isinstance(found.actions[-1], ModifyListener)
        assert found.actions[-1].listener.protocol == "HTTP"
        assert found.actions[-1].needs == (found.actions[0].key,)

    def test_http_does_not_come_while_a_rule_with_a_login_stays(self) -> None:
        kept = wish("a.org", "/*", LOGIN, to("g1"))
        before = has_https(ONE, port=80, rules=(there(kept, 10),))
        found = plan(wished_listener(replace(kept, state="keep", content=None)), before)
        assert found.actions == ()
        assert [skip.reason for skip in found.skips] == [names.WAITING]

    def test_a_rule_is_given_a_login_when_the_port_speaks_https(self) -> None:
        before = listener(there(wish("a.org", "/*", to("g1")), 10))
        found = plan(https(ONE, port=80, rules=(wish("a.org", "/*", LOGIN, to("g1")),)), before)
        assert found.actions[1].needs == (found.actions[0].key,)

    @pytest.mark.parametrize(
        "changes", [{"ssl_policy": "other"}, {"mutual_authentication": (("Mode", "verify"),)}]
    )
    def test_other_settings_change_in_place(self, changes: dict[str, Any]) -> None:
        (action,) = plan(https(ONE, **changes), has_https(ONE)).actions
        assert isinstance(action, ModifyListener)
        assert action.parts == ("tls",)

    def test_a_policy_that_nobody_names_stays(self) -> None:
        assert plan(https(ONE, ssl_policy=""), has_https(ONE)).actions == ()


class TestDefaultActions:
    def test_turn_when_the_rules_in_front_are_there(self) -> None:
        found = plan(wished_listener(wish("a.org", "/*"), default=to("g2")), listener())
        assert kinds(found) == [CreateRule, ModifyListener]
        assert found.actions[1].needs == (found.actions[0].key,)

    def test_turn_to_a_target_group_when_it_is_well(self) -> None:
        before = listener(default=to("g1"))
        wells = {"g2": TargetState(NOW, is_filled=True)}
        found = plan(wished_listener(default=to("g2")), before, targets=wells)
        (action,) = found.actions
        assert isinstance(action, ModifyListener)
        assert action.listener.default_actions == (
            Forward((WeightedTarget("g1", 1), WeightedTarget("g2", 0))),
        )
        assert [skip.reason for skip in found.skips] == [names.WAITING]
        well = {"g2": TargetState(NOW, is_filled=True, is_healthy=True)}
        assert end(plan(wished_listener(default=to("g2")), before, targets=well), before).default_actions == (
            to("g2"),
        )

    def test_stay_while_the_new_target_group_cannot_be_made(self) -> None:
        wanted = stack(wished_listener(default=to("g9")), groups=["g9"])
        blocked = {"target-group/g9": Blocked(30, "no more target groups", 1)}
        found = plan_stack(wanted, observed(listener(), groups=[]), view(blocked=blocked))
        assert found.actions == ()

    def test_give_up_their_target_group(self) -> None:
        found = plan_stack(
            stack(wished_listener(), groups=[]), observed(listener(default=to("g1")), groups=["g1"]), view()
        )
        assert found.actions[1].needs == (found.actions[0].key,)


class TestRedirectToAnotherPort:
    """A port that sends everybody to HTTPS does so once that is open; till then it goes on."""

    SENDS = wished_listener(default=Redirect("HTTP_301", "HTTPS", port="443"), sends_to=443)

    def test_it_waits_for_the_listener_that_is_made(self) -> None:
        rule = wish("a", "/", to("g1"))
        has = observed(listener(there(rule, 1)))
        plan = plan_stack(stack(self.SENDS, https(ONE)), has, view())
        made, *others = (each for each in plan.actions if f"{NAME}:" in each.key)
        assert isinstance(made, CreateListener)
        assert len(others) == 2
        assert all(made.key in each.needs for each in others)

    def test_a_new_one_is_made_after_it(self) -> None:
        plan = plan_stack(stack(self.SENDS, https(ONE)), observed(listener(port=81)), view())
        first, second = (each for each in plan.actions if isinstance(each, CreateListener))
        assert (first.listener.port, second.listener.port) == (443, 80)
        assert first.key in second.needs

    def test_nothing_changes_where_it_cannot_be_made(self) -> None:
        has = observed(listener(there(wish("a", "/", to("g1")), 1)))
        plan = plan_stack(stack(self.SENDS, https()), has, view())
        assert [each for each in plan.actions if f"{NAME}:" in each.key] == []


class TestSecretsOfTheDefaultAction:
    WITH_LOGIN = https(
        ONE,
        default_actions=(LOGIN, to("g1")),
        default_secret="very secret",
        default_secret_digest="new",
    )

    def has(self, *extra: str) -> Listener:
        more = {names.TAG_SPEC: extra[0]} if extra else {}
        return has_https(ONE, default_actions=(LOGIN, to("g1")), tags=tags("443", **more))

    def test_that_is_the_one_there_changes_nothing(self) -> None:
        assert plan(self.WITH_LOGIN, self.has(".new")).actions == ()

    def test_that_changed_is_given_and_remembered_in_our_tag(self) -> None:
        given, remembered = plan(self.WITH_LOGIN, self.has(".old")).actions
        assert isinstance(given, ModifyListener)
        assert given.listener.default_secret == "very secret"
        assert isinstance(remembered, SetTags)
        assert dict(remembered.tags) == {names.TAG_SPEC: ".new"}
        assert remembered.needs == (given.key,)

    def test_of_what_the_original_made_counts_as_known_until_it_changes(self) -> None:
        before = self.has()
        assert plan(self.WITH_LOGIN, before).actions == ()
        (given,) = plan(self.WITH_LOGIN, before, secrets={before.arn: "old"}).actions
        assert isinstance(given, ModifyListener)

    def test_is_not_given_where_only_the_rest_changes(self) -> None:
        wanted = replace(self.WITH_LOGIN, default_actions=(LOGIN, to("g2")))
        (given,) = plan(wanted, self.has(".new")).actions
        assert isinstance(given, ModifyListener)
        assert given.listener.default_secret == ""

    def test_is_not_vouched_for_by_a_port_that_is_opened_without_it(self) -> None:
        wanted = replace(self.WITH_LOGIN, rules=(wish("a.org", "/*"),))
        opened, _, turned = plan(wanted).actions
        assert isinstance(opened, CreateListener)
        assert isinstance(turned, ModifyListener)
        assert opened.listener.default_secret == ""
        assert "new" not in dict(opened.listener.tags)[names.TAG_SPEC]
        assert turned.listener.default_secret == "very secret"


class TestAttributes:
    ASKED = (("a", "1"), ("b", "2"))

    def test_that_were_read_are_set_where_they_differ(self) -> None:
        before = listener(attributes=(("a", "1"), ("b", "1"), ("c", "3")))
        (action,) = plan(wished_listener(attributes=self.ASKED), before).actions
        assert isinstance(action, ModifyListenerAttributes)
        assert action.attributes == (("b", "2"),)

    def test_that_were_not_read_are_known_by_our_tag(self) -> None:
        mine = tags("80", **{names.TAG_SPEC: attributes_digest(self.ASKED)})
        assert plan(wished_listener(attributes=self.ASKED), listener(tags=mine)).actions == ()
        other = tags("80", **{names.TAG_SPEC: "other"})
        found = plan(wished_listener(attributes=self.ASKED), listener(tags=other))
        assert kinds(found) == [ModifyListenerAttributes, SetTags]
        assert found.actions[1].needs == (found.actions[0].key,)

    def test_that_nothing_is_known_of_wait(self) -> None:
        assert plan(wished_listener(attributes=self.ASKED), listener()).actions == ()

    def test_that_are_asked_for_no_more_keep_their_values_and_that_is_told(self) -> None:
        mine = tags("80", **{names.TAG_SPEC: "digest"})
        found = plan(wished_listener(), listener(tags=mine))
        assert kinds(found) == [RemoveTags]
        assert [(skip.reason, skip.ref) for skip in found.skips] == [(names.ATTRIBUTE_KEPT, owner().ref)]


class TestAPortThatNobodyAsksFor:
    def start(self) -> ObservedStack:
        return observed(listener(), listener(there(wish("a.org", "/*", to("g2")), 10), port=8080))

    def test_is_closed_with_its_rules_and_target_groups(self) -> None:
        found = plan_stack(stack(wished_listener(), groups=["g1", "g3", "g4"]), self.start(), view())
        closing, group = found.actions
        assert isinstance(closing, DeleteListener)
        assert closing.contents == 1
        assert (closing.listener, group.key) == (f"{NAME}:8080", "target-group/g2")
        assert group.needs == (closing.key,)


def test_what_failed_a_moment_ago_rests_with_all_that_needs_it() -> None:
    blocked = {f"listener/{LISTENER}": Blocked(30, "AWS is busy", 2)}
    found = plan(wished_listener(wish("a.org", "/*")), blocked=blocked)
    assert found.actions == ()
    first, second = found.skips
    assert (first.reason, first.message, second.reason) == (names.BLOCKED, "AWS is busy", names.WAITING)
    assert first.retry_at is not None
    assert (first.retry_at - NOW).total_seconds() == 30
