"""Register before deregister; nothing is given up on a mere suspicion."""

from hypothesis import given
from hypothesis import strategies as st

from addons.albingress.model.targets import Target, TargetPlan
from addons.albingress.plan.targets import TargetView, plan_targets, room

TARGETS = st.sets(st.builds(Target, st.sampled_from("abcdefgh"), st.integers(1, 3)))


def t(*names: str) -> tuple[Target, ...]:
    return tuple(Target(name, 80) for name in names)


def plan(
    wanted: str,
    registered: str,
    *,
    why_kept: str = "",
    refused: str = "",
    ours: str | None = None,
    limit: int = 0,
) -> TargetPlan:
    return plan_targets(
        TargetView(
            group="web",
            ref=None,
            wanted=t(*wanted),
            registered=t(*registered),
            why_kept=why_kept,
            refused=t(*refused),
            shared=ours is not None,
            ours=t(*(ours or "")),
            limit=limit,
        )
    )


def said(plan: TargetPlan) -> list[str]:
    return [
        f"{type(action).__name__[0]} {''.join(target.id for target in action.targets)}"
        for action in plan.actions
    ]


class TestPlan:
    """A group's targets become the wanted ones."""

    def test_what_is_as_wanted_is_left(self) -> None:
        assert said(plan("ab", "ab")) == []

    def test_what_is_new_is_registered_before_what_is_over_is_deregistered(self) -> None:
        assert said(plan("bcd", "ab")) == ["R cd", "D a"]

    def test_nothing_wanted_leaves_nothing(self) -> None:
        assert said(plan("", "ab")) == ["D ab"]

    def test_batches_have_two_hundred_targets(self) -> None:
        wanted = tuple(Target("a", port) for port in range(1, 502))
        made = plan_targets(TargetView(group="web", ref=None, wanted=wanted, registered=()))
        assert [len(action.targets) for action in made.register] == [200, 200, 101]

    def test_a_target_is_known_by_id_and_port_whatever_zone_is_shown(self) -> None:
        view = TargetView(
            group="web", ref=None, wanted=(Target("a", 80, "all"),), registered=(Target("a", 80),)
        )
        assert plan_targets(view).actions == ()


class TestKept:
    """Nothing is given up unless all is known."""

    def test_where_a_wish_is_not_known_nothing_is_deregistered(self) -> None:
        made = plan("bc", "ab", why_kept="service default/web does not exist")
        assert said(made) == ["R c"]
        assert (made.kept, made.why_kept) == (t("a"), "service default/web does not exist")

    def test_it_is_not_told_where_nothing_would_go(self) -> None:
        assert plan("ab", "ab", why_kept="service default/web does not exist").why_kept == ""

    def test_where_aws_refuses_all_new_targets_the_old_ones_stay(self) -> None:
        made = plan("bc", "a", refused="bc")
        assert said(made) == []
        assert made.why_kept == "AWS refuses all targets that are to follow"

    def test_where_it_refuses_some_the_others_follow(self) -> None:
        assert said(plan("bc", "a", refused="b")) == ["R c", "D a"]

    def test_targets_of_others_in_a_shared_group_are_never_deregistered(self) -> None:
        assert said(plan("b", "axy", ours="a")) == ["R b", "D a"]


class TestLimits:
    """At most so many targets."""

    def test_those_that_serve_stay_and_the_others_are_told(self) -> None:
        made = plan("abcd", "d", limit=2)
        assert said(made) == ["R a"]
        assert made.left_out == t("b", "c")

    def test_a_full_group_gets_room_by_giving_up_half_of_what_is_over(self) -> None:
        assert room(plan("xyz", "abcd"), 4) == t("a", "b")

    def test_it_is_never_emptied_for_room(self) -> None:
        assert room(plan("xyz", "ab"), 2) == t("a")


class TestAlways:
    """Whatever is wanted and registered."""

    @given(TARGETS, TARGETS)
    def test_carrying_the_plan_out_reaches_what_is_wanted(
        self, wanted: set[Target], registered: set[Target]
    ) -> None:
        made = plan_targets(TargetView(group="web", ref=None, wanted=wanted, registered=registered))
        after = set(registered)
        for action in made.register:
            after.update(action.targets)
        assert wanted <= after
        for gone in made.deregister:
            after.difference_update(gone.targets)
        assert after == wanted
        assert plan_targets(TargetView(group="web", ref=None, wanted=wanted, registered=after)).actions == ()

    @given(TARGETS, TARGETS, TARGETS)
    def test_of_a_shared_group_only_ours_go(
        self, wanted: set[Target], registered: set[Target], ours: set[Target]
    ) -> None:
        view = TargetView(group="web", ref=None, wanted=wanted, registered=registered, shared=True, ours=ours)
        gone = {target for action in plan_targets(view).deregister for target in action.targets}
        assert gone <= ours & registered - wanted
