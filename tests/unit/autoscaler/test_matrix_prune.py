"""Which groups go that no cell asks for: never without a word for it, never most of a matrix by a slip."""

from dataclasses import replace

from addons.autoscaler.matrix.plan import plan
from addons.autoscaler.matrix.prune import Prune, prune_of
from addons.autoscaler.matrix.telling import prune_lines
from tests.support.as_matrix import VERSION, base, example, stacks

WHOLE = stacks(base())
WITHOUT_JOBS = {17: "  services: [web]", 20: ""}


def pruned(
    sizes: dict[str, int] | int = 1, *, changes: dict[int, str] | None = None, **said: object
) -> Prune:
    """What goes when the file has no jobs any more: 6 of 16 groups."""
    plans = plan(base(changes or WITHOUT_JOBS), said.pop("there", WHOLE), VERSION)  # type: ignore[arg-type]
    known = sizes if isinstance(sizes, dict) else {each.name: sizes for each in plans}
    return prune_of(plans, known, **{"is_said": True, **said})  # type: ignore[arg-type]


class TestPrune:
    def test_nothing_goes_when_the_file_has_all(self) -> None:
        found = prune_of(plan(base(), WHOLE, VERSION), {}, is_said=False)
        assert (found.going, found.refused) == ((), "")

    def test_nothing_goes_without_a_word(self) -> None:
        found = pruned(is_said=False, most=50)
        assert found.refused == "6 stacks with 6 instances would go: that needs --yes"

    def test_with_it_the_stacks_go(self) -> None:
        found = pruned(most=50)
        assert found.refused == ""
        assert [each.name for each in found.going] == sorted(
            each.name for each in WHOLE if "-jobs-" in each.name
        )

    def test_more_than_a_share_of_the_capacity_needs_a_word_more(self) -> None:
        found = pruned()
        assert found.refused == (
            "6 of 16 instances of the matrix would go, 38 %: more than 30 % needs --most 38"
        )
        assert pruned(most=38).refused == ""

    def test_the_share_is_of_instances_and_not_of_stacks(self) -> None:
        sizes = {each.name: 0 if "-jobs-" in each.name else 5 for each in WHOLE}
        assert pruned(sizes).refused == ""
        sizes = {each.name: 5 if "-jobs-" in each.name else 0 for each in WHOLE}
        assert "100 %: more than 30 % needs --most 100" in pruned(sizes).refused

    def test_what_is_permitted_is_permitted_in_full(self) -> None:
        sizes = {each.name: 0 for each in WHOLE} | {"prod-jobs-m5-large-od-a": 3, "prod-web-m5-large-od-a": 7}
        assert (pruned(sizes).percent, pruned(sizes).refused) == (30.0, "")

    def test_a_matrix_that_goes_as_a_whole_needs_a_word_even_when_it_is_empty(self) -> None:
        plans = plan(replace(base(), cells=()), WHOLE, VERSION)
        sizes = {each.name: 0 for each in WHOLE}
        assert "needs --most 100" in prune_of(plans, sizes, is_said=True, most=99).refused
        assert prune_of(plans, sizes, is_said=True, most=100).refused == ""

    def test_empty_groups_are_no_capacity(self) -> None:
        assert pruned(0).refused == ""
        assert pruned(0).percent == 0.0

    def test_nothing_goes_while_the_size_of_a_group_is_not_known(self) -> None:
        sizes = {each.name: 1 for each in WHOLE[1:]}
        name = WHOLE[0].name
        refused = pruned(sizes, most=100).refused
        assert refused.startswith(f"{name}: its stack is there, and its group is not")
        assert f"`aws cloudformation delete-stack --stack-name {name}`; nothing goes before" in refused

    def test_a_stack_without_a_group_has_no_size(self) -> None:
        there = [replace(WHOLE[0], status="ROLLBACK_COMPLETE"), *WHOLE[1:]]
        found = pruned({each.name: 1 for each in WHOLE[1:]}, most=50, there=there)
        assert (found.refused, len(found.going)) == ("", 6)

    def test_what_is_kept_or_protected_or_busy_waits(self) -> None:
        there = [
            replace(WHOLE[0], is_protected=True),
            replace(WHOLE[1], status="UPDATE_IN_PROGRESS"),
            *WHOLE[2:],
        ]
        found = pruned(there=there)
        assert set(found.waits) == {WHOLE[0].name, WHOLE[1].name}
        assert "termination protection keeps it" in found.waits[WHOLE[0].name]
        assert len(found.going) == 4
        assert found.refused == ""

    def test_a_line_for_each_that_goes_and_each_that_waits(self) -> None:
        there = [replace(WHOLE[0], is_protected=True), *WHOLE[1:]]
        found = pruned(2, there=there)
        lines = prune_lines(found, {each.name: 2 for each in WHOLE})
        assert [line.key for line in lines] == sorted(each.name for each in WHOLE if "-jobs-" in each.name)
        assert {line.action for line in lines[1:]} == {"delete"}
        assert lines[1].details == {"instances": 2}
        assert lines[0].action == "wait"
        assert "termination protection" in lines[0].because

    def test_another_matrix_under_the_same_name_is_refused_as_a_whole(self) -> None:
        """As when the file of another team is taken by mistake: its cells have other names."""
        other = replace(example(), cells=example().cells[:1])
        found = prune_of(plan(other, WHOLE, VERSION), {each.name: 2 for each in WHOLE}, is_said=True)
        assert found.refused.startswith("30 of 32 instances of the matrix would go, 94 %")
