"""Which credentials are fetched, renewed and dropped, and in which order."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.model.actions import Drop, Fetch, Held, Plan, Renew
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.plan import guard, next_look, plan_credentials
from addons.runtime.outcomes import Blocked

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = (CredentialKey(f"arn:aws:iam::111111111111:role/{name}") for name in "abc")


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def held(expires: float, renew: float, unwanted: float | None = None) -> Held:
    return Held(minutes(expires), minutes(renew), None if unwanted is None else minutes(unwanted))


def plan(
    wanted: Collection[CredentialKey],
    have: Mapping[CredentialKey, Held] = {},
    blocked: Mapping[CredentialKey, Blocked] = {},
    prefetch: bool = True,
) -> Plan:
    return plan_credentials(wanted, have, blocked, now=NOW, prefetch=prefetch)


class TestPlan:
    def test_a_settled_node_does_nothing(self) -> None:
        assert plan({A}, {A: held(60, 30)}) == Plan()

    def test_what_pods_will_ask_for_is_fetched_before_they_do(self) -> None:
        assert plan({A}).actions == (Fetch(A),)

    def test_without_prefetch_it_is_fetched_when_they_ask(self) -> None:
        assert plan({A}, prefetch=False) == Plan()

    def test_what_is_due_is_renewed(self) -> None:
        assert plan({A}, {A: held(30, 0)}).actions == (Renew(A, minutes(30)),)

    def test_who_has_nothing_comes_first_then_who_has_least(self) -> None:
        found = plan({A, B, C}, {A: held(20, -1), B: held(12, -1)})
        assert [action.key for action in found.actions] == [C, B, A]

    def test_what_nobody_uses_goes_after_a_while(self) -> None:
        assert plan(set(), {A: held(60, 30, unwanted=-4)}) == Plan()
        assert plan(set(), {A: held(60, 30, unwanted=-5)}).actions == (
            Drop(A, "no pod of this node uses them any more"),
        )

    def test_what_nobody_uses_is_not_renewed(self) -> None:
        assert plan(set(), {A: held(20, -1, unwanted=-1)}) == Plan()

    def test_what_must_rest_waits_and_says_until_when(self) -> None:
        found = plan({A}, blocked={A: Blocked(30, "denied", 1)})
        assert found.actions == ()
        assert [skip.retry_at for skip in found.skips] == [NOW + timedelta(seconds=30)]


class TestGuard:
    def test_the_most_urgent_go_and_the_others_wait(self) -> None:
        found = guard(plan({A, B, C}), room=2, now=NOW)
        assert [action.key for action in found.actions] == [A, B]
        assert [skip.key for skip in found.skips] == [str(C)]

    def test_dropping_takes_no_room(self) -> None:
        found = guard(plan({A}, {B: held(60, 30, unwanted=-5)}), room=0, now=NOW)
        assert [type(action) for action in found.actions] == [Drop]

    def test_a_full_house_has_no_room(self) -> None:
        assert guard(plan({A}), room=-3, now=NOW).actions == ()


class TestNextLook:
    def test_it_is_when_the_first_is_due(self) -> None:
        have = {A: held(60, 30), B: held(60, 20)}
        assert next_look(plan({A, B}, have), {A, B}, have, now=NOW) == minutes(20)

    def test_it_is_when_something_may_be_dropped(self) -> None:
        have = {A: held(60, 30, unwanted=-4)}
        assert next_look(plan(set(), have), set(), have, now=NOW) == minutes(1)

    def test_it_is_when_something_has_rested(self) -> None:
        found = plan({A}, blocked={A: Blocked(30, "denied", 1)})
        assert next_look(found, {A}, {}, now=NOW) == NOW + timedelta(seconds=30)

    def test_there_may_be_none(self) -> None:
        assert next_look(Plan(), set(), {}, now=NOW) is None


KEYS = st.sets(st.sampled_from([A, B, C]))
HELD = st.dictionaries(
    st.sampled_from([A, B, C]),
    st.builds(held, st.integers(-5, 60), st.integers(-30, 30), st.none() | st.integers(-10, 0)),
)


@given(KEYS, HELD, st.integers(-1, 4))
def test_no_key_is_both_dropped_and_wanted_and_no_call_exceeds_the_room(
    wanted: set[CredentialKey], have: dict[CredentialKey, Held], room: int
) -> None:
    found = guard(plan(wanted, have), room=room, now=NOW)
    calls = [action.key for action in found.actions if not isinstance(action, Drop)]
    drops = [action.key for action in found.actions if isinstance(action, Drop)]
    assert len(calls) <= max(room, 0)
    assert set(calls) <= wanted
    assert len({*calls, *drops}) == len(calls) + len(drops)
    assert not wanted & set(drops)
