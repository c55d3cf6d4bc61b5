"""Whose wish counts where members of a group want different things and there can be only one."""

from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.exclusive import Settled, settle, settle_pairs
from addons.albingress.desired.inputs import Member
from tests.support.alb_groups import doubtful, member, told

A, B, C = member("a"), member("b"), member("c")
BROKEN = Invalid(C.ref, "annotation scheme", "'public' is not a scheme")


def choose(*wishes: tuple[Member, Asked[str]], incumbent: str | None = None) -> Settled[str]:
    return settle("scheme", wishes, incumbent)


class TestOneValue:
    """What the load balancer has now wins while somebody asks for it, else the first in the group."""

    def test_nobody_asks_for_anything(self) -> None:
        assert choose((A, None), (B, None), incumbent="internal") == Settled(None)

    def test_all_want_the_same_though_aws_has_something_else(self) -> None:
        assert choose((A, "new"), (B, "new"), incumbent="old") == Settled("new")

    def test_the_first_wins_over_the_second_who_is_told(self) -> None:
        found = choose((A, "one"), (B, "two"), (C, None))
        assert (found.value, found.losers, told(found.problems)) == (
            "one",
            (B,),
            [("b", "ConflictingSetting")],
        )
        assert found.problems[0].message == (
            "scheme: two is not used: ingress/shop/a asks for one and comes first in the group; "
            "make them equal, or put one of them in another group"
        )

    def test_what_is_there_wins_over_the_first(self) -> None:
        found = choose((A, "one"), (B, "two"), incumbent="two")
        assert (found.value, told(found.problems)) == ("two", [("a", "ConflictingSetting")])
        assert "the load balancer has two now" in found.problems[0].message

    def test_what_is_there_and_nobody_wants_does_not_win(self) -> None:
        assert choose((A, "one"), (B, "two"), incumbent="three").value == "one"

    def test_a_wish_that_cannot_be_read_counts_for_what_is_there(self) -> None:
        found = choose((A, None), (C, BROKEN), incumbent="internal")
        assert (found.value, found.is_unclear) == ("internal", True)
        assert told(found.problems) == [("c", "InvalidAnnotation")]

    def test_so_nobody_flips_anything_behind_its_back(self) -> None:
        found = choose((A, "internet-facing"), (C, BROKEN), incumbent="internal")
        assert (found.value, found.losers) == ("internal", (A,))
        assert "and what ingress/shop/c asks for cannot be read" in found.problems[-1].message

    def test_a_wish_that_cannot_be_read_counts_for_nothing_where_there_is_nothing(self) -> None:
        found = choose((A, "internal"), (C, BROKEN))
        assert (found.value, told(found.problems)) == ("internal", [("c", "InvalidAnnotation")])

    def test_a_member_in_doubt_is_not_told_again(self) -> None:
        lost = doubtful("d")
        assert choose((lost, Invalid(lost.ref, "", "")), incumbent="x") == Settled("x", is_unclear=True)


class TestPairs:
    """Attributes and tags: every key is settled on its own."""

    def test_members_add_up(self) -> None:
        assert settle_pairs("tag", [(A, (("x", "1"),)), (B, (("y", "2"),))]).pairs == (("x", "1"), ("y", "2"))

    def test_a_key_that_two_members_want_differently(self) -> None:
        wishes = [(A, (("x", "1"), ("z", "0"))), (B, (("x", "2"),))]
        found = settle_pairs("tag", wishes, (("x", "2"), ("old", "9")))
        assert found.pairs == (("x", "2"), ("z", "0"))
        assert [one.message.split(":")[0] for one in found.problems] == ["tag x"]

    def test_one_that_cannot_be_read_leaves_the_others(self) -> None:
        found = settle_pairs("tag", [(A, (("x", "1"),)), (C, BROKEN)])
        assert (found.pairs, found.is_unclear) == ((("x", "1"),), True)
