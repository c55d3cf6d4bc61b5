"""What each stack of a matrix needs, with reasons, by the tags that it has."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler import names
from addons.autoscaler.matrix.expansion import Matrix
from addons.autoscaler.matrix.plan import exit_code, plan
from addons.autoscaler.matrix.telling import plan_lines, summary
from addons.autoscaler.model.matrix import Stack, StackPlan
from tests.support.as_matrix import VERSION, base, example, planned, stacks

NAME = "prod-web-m5-large-spot-a"
ID = "web/m5.large/spot/eu-central-1a"
ROLLED = "its instances are of an older launch template until they are rolled"


def of_one(before: dict[int, str], after: dict[int, str], **changes: Any) -> StackPlan:
    """The plan for one stack: the file was so before, and is so now."""
    there = [replace(each, **changes) if each.name == NAME else each for each in stacks(base(before))]
    return planned(base(after), there)[NAME]


def in_status(status: str, after: dict[int, str] | None = None, **changes: Any) -> StackPlan:
    return of_one({}, after or {}, status=status, **changes)


class TestCells:
    def test_a_cell_without_a_stack_is_created(self) -> None:
        found = planned(base(), [])[NAME]
        assert (found.kind, found.reasons) == ("create", ("there is no stack",))
        assert found.template["Resources"]
        assert found.tags[names.CELL_TAG] == ID

    def test_a_stack_that_is_as_it_should_be_needs_nothing(self) -> None:
        found = planned(base(), stacks(base()))
        assert {each.kind for each in found.values()} == {"nothing"}
        assert exit_code(found.values()) == 0

    @pytest.mark.parametrize(
        ("line", "text", "reasons"),
        [
            (5, "  max: 12", ("max 10 -> 12",)),
            (5, "  max: 12\n  min: 2", ("min 0 -> 2", "max 10 -> 12")),
            (5, "  max: 10\n  priority: 5", ("the autoscaler's options changed",)),
            (5, "  max: 10\n  tags: {a: b}", ("tags changed",)),
            (5, "  max: 10\n  heartbeatTimeout: 60s", ("heartbeatTimeout changed",)),
            (5, "  max: 10\n  keep: true", ("keep changed",)),
            (5, "  max: 10\n  terminationProtection: true", ("termination protection off -> on",)),
            (16, "  zones: {eu-central-1a: subnet-9, eu-central-1b: subnet-2}", ("subnets changed",)),
        ],
    )
    def test_what_only_the_group_has_is_updated_in_place(
        self, line: int, text: str, reasons: tuple[str, ...]
    ) -> None:
        found = of_one({}, {line: text})
        assert (found.kind, found.reasons) == ("update", reasons)

    @pytest.mark.parametrize(
        ("line", "text", "reason"),
        [
            (4, "  image: ami-2", "image ami-1 -> ami-2"),
            (4, "  image: resolve:ssm:/a", "image changed"),
            (6, "  labels: {team: store}", "labels changed"),
            (7, "  taints: []", "taints changed"),
            (8, "  kernel: {vm.swappiness: 2}", "kernel changed"),
            (10, "    #!/bin/sh", "userData changed"),
            (5, "  max: 10\n  keyName: a", "keyName, iamInstanceProfile or securityGroups changed"),
            (5, "  max: 10\n  spotMaxPrice: 1", "spotMaxPrice changed"),
            (5, "  max: 10\n  blockDevices: [{device: a}]", "blockDevices changed"),
        ],
    )
    def test_what_instances_are_launched_from_has_them_rolled(
        self, line: int, text: str, reason: str
    ) -> None:
        found = of_one({}, {line: text})
        assert (found.kind, found.reasons) == ("roll", (reason, ROLLED))

    def test_limits_and_images_together_are_told_apart(self) -> None:
        found = of_one({}, {4: "  image: ami-2", 5: "  max: 9"})
        assert found.kind == "roll"
        assert found.reasons == ("max 10 -> 9", "image ami-1 -> ami-2", ROLLED)

    def test_a_template_of_another_version_of_the_tool_is_told_as_such(self) -> None:
        (there,) = (each for each in stacks(base()) if each.name == NAME)
        older = replace(there, tags={**there.tags, names.SPEC_TAG: "0", names.TOOL_TAG: "0.9"})
        found = planned(base(), [older])[NAME]
        assert found.kind == "update"
        assert found.reasons == ("version 0.9 of the tool made its template, and this one makes another",)

    def test_another_version_of_the_tool_that_makes_the_same_changes_nothing(self) -> None:
        assert {each.kind for each in plan(base(), stacks(base()), "2.0")} == {"nothing"}

    def test_tags_that_somebody_took_off_are_put_back(self) -> None:
        (there,) = (each for each in stacks(base()) if each.name == NAME)
        bare = replace(
            there, tags={key: there.tags[key] for key in (names.MATRIX_TAG, names.MATRIX_CLUSTER_TAG)}
        )
        found = planned(base(), [bare])[NAME]
        assert found.kind == "roll"
        assert found.reasons[0] == "it was cell unknown"

    @pytest.mark.parametrize(
        ("tags", "whose"),
        [
            ({}, "no matrix"),
            ({names.MATRIX_TAG: "store", names.MATRIX_CLUSTER_TAG: "prod"}, "matrix store of cluster prod"),
            ({names.MATRIX_TAG: "shop", names.MATRIX_CLUSTER_TAG: "test"}, "matrix shop of cluster test"),
        ],
    )
    def test_somebody_elses_stack_is_left_alone(self, tags: dict[str, str], whose: str) -> None:
        found = planned(base(), [Stack(name=NAME, tags=tags)])[NAME]
        assert f"is of {whose}" in found.blocked
        assert exit_code([found]) == 3

    def test_a_template_that_cloudformation_does_not_take_is_told_before_it_is_sent(self) -> None:
        matrix = base()
        (of,) = (each for each in matrix.cells if each.name == NAME)
        long = replace(matrix, cells=(replace(of, user_data="x" * 51_200),))
        (found,) = plan(long, (), VERSION)
        assert "CloudFormation takes 51200" in found.blocked
        (found,) = plan(long, stacks(long), VERSION)
        assert (found.kind, found.blocked) == ("nothing", "")
        assert planned(matrix, [])[NAME].blocked == ""

    def test_nothing_is_planned_before_images_are_known(self) -> None:
        with pytest.raises(ValueError, match="are to be looked up first: /a"):
            plan(base({4: "  image: ssm:/a"}), (), VERSION)


class TestStates:
    @pytest.mark.parametrize(
        "status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"]
    )
    def test_a_stack_that_was_never_made_is_made_anew(self, status: str) -> None:
        found = in_status(status, reason="no such subnet")
        assert found.kind == "create"
        assert found.is_remade
        assert found.reasons[0] == f"its stack is in {status}: no such subnet"

    def test_unless_it_is_protected(self) -> None:
        found = in_status("ROLLBACK_COMPLETE", is_protected=True)
        assert "--no-enable-termination-protection" in found.blocked

    def test_a_change_set_that_nobody_carried_out_is_no_stack(self) -> None:
        found = in_status("REVIEW_IN_PROGRESS")
        assert (found.kind, found.is_remade, found.is_busy) == ("create", False, False)

    def test_a_stack_that_is_being_deleted_is_waited_for(self) -> None:
        found = in_status("DELETE_IN_PROGRESS")
        assert (found.kind, found.is_busy, found.is_remade) == ("create", True, True)

    def test_a_deleted_stack_is_none(self) -> None:
        assert in_status("DELETE_COMPLETE").reasons == ("there is no stack",)

    @pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
    def test_a_stack_with_which_something_is_done_is_waited_for(self, status: str) -> None:
        found = in_status(status)
        assert (found.kind, found.is_busy, found.is_change) == ("nothing", True, True)
        assert found.reasons == (f"its stack is in {status}: apply waits until that has ended",)
        assert in_status(status, {5: "  max: 12"}).kind == "update"

    def test_an_update_that_was_undone_is_told_and_done_again(self) -> None:
        found = in_status("UPDATE_ROLLBACK_COMPLETE", {5: "  max: 12"}, reason="limit exceeded")
        assert found.kind == "update"
        assert found.reasons == ("max 10 -> 12", "its last update was undone: limit exceeded")

    def test_it_is_told_as_well_when_the_file_has_gone_back(self) -> None:
        found = in_status("UPDATE_ROLLBACK_COMPLETE")
        assert (found.kind, found.reasons) == ("nothing", ("its last update was undone",))

    def test_an_update_that_could_not_be_undone_is_not_told_as_undone(self) -> None:
        found = in_status("UPDATE_ROLLBACK_FAILED", reason="limit exceeded")
        assert found.blocked.startswith(
            "its stack is in UPDATE_ROLLBACK_FAILED: limit exceeded: its last update"
        )
        assert found.reasons == ()

    def test_an_update_that_could_not_be_undone_needs_a_person(self) -> None:
        found = in_status("UPDATE_ROLLBACK_FAILED", {5: "  max: 12"})
        assert f"continue-update-rollback --stack-name {NAME}" in found.blocked

    def test_an_update_that_failed_and_stayed_is_done_again(self) -> None:
        assert in_status("UPDATE_FAILED", {5: "  max: 12"}).kind == "update"


WITHOUT = {14: "  instanceTypes: [c5.large]", 15: "  capacity: [on-demand]", 18: ""}


class TestLeftovers:
    def leftover(self, text: str = 'keep: ["prod-old-*"]', **changes: Any) -> StackPlan:
        return of_one({}, {**WITHOUT, 21: text}, **changes)

    def test_a_stack_that_no_cell_asks_for_goes(self) -> None:
        found = self.leftover()
        assert (found.kind, found.cell) == ("delete", None)
        assert found.reasons == (f"the file has no cell {ID}",)

    def test_unless_the_file_keeps_it(self) -> None:
        found = self.leftover('keep: ["prod-web-*"]')
        assert found.kind == "nothing"
        assert found.reasons[-1] == "keep in the file has prod-web-*"

    def test_or_its_tag_does(self) -> None:
        tags = {**next(each for each in stacks(base()) if each.name == NAME).tags, names.KEEP_TAG: "true"}
        found = self.leftover(tags=tags)
        assert found.kind == "nothing"
        assert found.reasons[-1] == "its tag aws-addons.io/keep says that it stays"

    def test_a_protected_one_is_told(self) -> None:
        found = self.leftover(is_protected=True)
        assert found.kind == "delete"
        assert "termination protection keeps it" in found.blocked

    @pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
    def test_one_with_which_something_is_done_is_left_until_that_has_ended(self, status: str) -> None:
        found = self.leftover(status=status)
        assert found.is_busy
        assert found.reasons[-1] == f"its stack is in {status}: prune leaves it until that has ended"

    @pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
    def test_one_that_failed_goes_as_well(self, status: str) -> None:
        found = self.leftover(status=status)
        assert (found.kind, found.is_busy, found.blocked) == ("delete", False, "")

    def test_stacks_of_others_do_not_count(self) -> None:
        strange = Stack(name="other", tags={names.MATRIX_TAG: "store", names.MATRIX_CLUSTER_TAG: "prod"})
        assert "other" not in planned(base(), [strange, Stack(name="none")])


class TestTelling:
    def test_a_line_for_each_stack_that_needs_something(self) -> None:
        lines = plan_lines(
            [of_one({}, {}), of_one({}, {5: "  max: 12"}), in_status("UPDATE_ROLLBACK_FAILED")]
        )
        assert [(line.key, line.action) for line in lines] == [(NAME, "update"), (NAME, "nothing")]
        assert lines[0].because == "max 10 -> 12"
        assert lines[1].because.startswith("cannot be done: its stack is in UPDATE_ROLLBACK_FAILED")

    def test_or_for_all(self) -> None:
        (line,) = plan_lines([of_one({}, {})], all_of_them=True)
        assert (line.action, line.because) == ("nothing", "it is as the file says")

    def test_programs_get_the_same_as_data(self) -> None:
        (line,) = plan_lines([of_one({}, {4: "  image: ami-2"})])
        told = json.loads(msgspec.json.encode(line))
        assert told["details"] == {
            "cell": ID,
            "reasons": ["image ami-1 -> ami-2", ROLLED],
            "status": "CREATE_COMPLETE",
            "spec": planned(base({4: "  image: ami-2"}), [])[NAME].tags[names.SPEC_TAG],
            "busy": False,
            "blocked": "",
        }

    def test_all_of_it_in_one_line(self) -> None:
        found = planned(base({5: "  max: 12"}), stacks(base())[:10])
        assert summary(found.values()) == "16 cells: 6 create, 4 update, 6 nothing"
        assert summary([]) == "0 cells: nothing"
        assert summary([in_status("UPDATE_ROLLBACK_FAILED")]) == "1 cell: 1 nothing, 1 cannot be done"

    def test_exit_codes_tell_changes_from_what_cannot_be_done(self) -> None:
        assert exit_code([of_one({}, {})]) == 0
        assert exit_code([of_one({}, {5: "  max: 12"})]) == 2
        assert exit_code([in_status("UPDATE_IN_PROGRESS")]) == 2
        assert exit_code([of_one({}, {5: "  max: 12"}), in_status("UPDATE_ROLLBACK_FAILED")]) == 3


MATRIX: Matrix = example()
BEFORE = {each.name: each for each in stacks(base()) + stacks(replace(MATRIX, cells=MATRIX.cells[:20]))}
ENDED = [
    "CREATE_COMPLETE",
    "ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "DELETE_COMPLETE",
    "DELETE_FAILED",
]


class TestAnyPlan:
    @settings(max_examples=30, deadline=None)
    @given(
        statuses=st.lists(st.sampled_from(ENDED), min_size=len(BEFORE), max_size=len(BEFORE)), data=st.data()
    )
    def test_what_was_carried_out_needs_nothing_more(self, statuses: list[str], data: st.DataObject) -> None:
        """Whatever there was before; and the order in which stacks come does not matter."""
        matrix = MATRIX
        there = [replace(each, status=status) for each, status in zip(BEFORE.values(), statuses, strict=True)]
        found = plan(matrix, there, VERSION)
        assert plan(matrix, data.draw(st.permutations(there)), VERSION) == found
        assert [each.name for each in found] == sorted(each.name for each in found)
        after = {each.name: each for each in there}
        for each in found:
            if each.kind == "delete" or each.is_remade:
                del after[each.name]
            if each.cell and each.kind != "nothing":
                after[each.name] = Stack(name=each.name, tags=dict(each.tags))
        assert {each.kind for each in plan(matrix, after.values(), VERSION)} == {"nothing"}
