"""What is told of a file of a matrix that cannot be used: each fault with its line, all at once."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.matrix.expansion import matrix_of
from tests.support.as_matrix import BASE, EXAMPLE, told, with_lines

CASES = yaml.safe_load((Path(__file__).parent / "golden" / "matrix_faults.yaml").read_text())
MOST = 2_001


class TestWhereAFaultStands:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["put"])
    def test_a_fault_is_told_with_its_line_and_what_is_allowed(self, case: dict[str, object]) -> None:
        line, put = case["line"], case["put"]
        assert isinstance(line, int)
        assert told(with_lines({line: str(put)})) == [f"shop.yaml:{each}" for each in case["told"]]  # type: ignore[attr-defined]

    def test_a_good_file_has_none(self) -> None:
        assert told(BASE) == told(EXAMPLE.read_text()) == []

    def test_all_faults_are_told_at_once_by_line(self) -> None:
        found = told(
            with_lines({4: "  image: x", 6: "  labels: {a: 1}", 7: "  taints: [b]", 20: "cells: [{}]"})
        )
        assert [each.split(":")[1] for each in found] == ["4", "6", "7", "20", "20"]

    def test_what_follows_from_a_fault_is_not_told_besides(self) -> None:
        assert len(told(with_lines({4: "  image: ubuntu"}))) == 1
        assert len(told(with_lines({11: "    ${kubeletArgs}"}))) == 1

    def test_a_line_counts_through_merged_mappings(self) -> None:
        text = with_lines({3: "x-all: &all\n  max: ten\ndefaults:\n  <<: *all", 5: "  min: 1"})
        assert told(text) == [
            "shop.yaml:4: defaults.max: 'ten' is not allowed: write a whole number from 0 to 10000"
        ]

    def test_a_mapping_that_is_used_twice_may_merge_another(self) -> None:
        services = "{web: &own {<<: *all, max: 5}, jobs: *own}"
        assert (
            told(with_lines({3: "x-all: &all {max: 3, min: 1}\ndefaults:", 17: f"  services: {services}"}))
            == []
        )

    def test_a_line_of_a_text_in_quotes_is_where_it_begins(self) -> None:
        text = with_lines({9: '  userData: "${x}"', 10: "", 11: "", 12: ""})
        assert [each.split(":")[1] for each in told(text)] == ["9"]

    def test_an_exclude_may_take_all_cells_away_whatever_is_said_about_some(self) -> None:
        text = with_lines({18: 'exclude: [{instanceTypes: "*"}]', 19: ""})
        assert told(text) == []
        assert matrix_of(text, "shop.yaml").cells == ()

    @pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000, "x" * 5_000])
    def test_what_is_huge_is_told_by_its_beginning(self, number: str) -> None:
        (fault,) = told(with_lines({5: f"  max: {number}"}))
        assert fault.startswith(f"shop.yaml:5: defaults.max: '{number[:20]}")
        assert len(fault) < 200

    def test_a_time_without_a_unit_is_told_what_it_needs(self) -> None:
        (fault,) = told(with_lines({5: "  max: 5\n  heartbeatTimeout: 5"}))
        assert fault.endswith("5 is not allowed: write a time with its unit, such as 30s or 1h30m")


class TestWhatIsNoFileAtAll:
    def test_an_empty_one(self) -> None:
        assert told("") == ["shop.yaml:1: the file is empty: it needs matrix, cluster and dimensions"]

    def test_one_that_is_no_yaml(self) -> None:
        (fault,) = told("matrix: shop\ncluster: [prod\n")
        assert fault.startswith("shop.yaml:3: no valid YAML: ")

    def test_one_that_is_a_list(self) -> None:
        assert told("- a")[0].startswith("shop.yaml:1: a list is not allowed: write a mapping with ")

    def test_signs_that_yaml_does_not_have(self) -> None:
        assert told("matrix: \x00")[0].startswith("shop.yaml:1: no valid YAML: ")

    def test_one_that_contains_itself(self) -> None:
        assert told("defaults: &a\n  labels: *a\n")[0] == (
            "shop.yaml:1: cluster: is missing: write the name of a cluster"
        )
        assert told("[" * 5_000) == ["shop.yaml:1: nested too deep, or a part that contains itself"]

    def test_more_cells_than_an_account_has_stacks(self) -> None:
        services = ", ".join(f"s{number}" for number in range(MOST))
        (fault,) = told(with_lines({17: f"  services: [{services}]", 20: "", 18: "", 19: ""}))
        assert fault.startswith("shop.yaml:13: dimensions: 16008 cells are too many")

    def test_dimensions_without_a_value(self) -> None:
        text = with_lines({17: "  services: []", 18: "", 19: "", 20: ""})
        assert told(text) == ["shop.yaml:13: dimensions: there is no cell: each dimension needs a value"]


SNIPPETS = st.sampled_from(
    [
        *(
            "[",
            "{",
            "- ",
            ": ",
            "~",
            "!!int x",
            "!!bool x",
            "!!int ''",
            "!Ref a",
            "*a",
            "&a ",
            "<<: 3",
            "<<: [{a: 1}]",
        ),
        *(
            "2026-13-45",
            "1:30",
            "0x_",
            "'",
            '"',
            "|",
            "%",
            "${",
            "}",
            "]",
            ",",
            "#",
            "\t",
            "\x85",
            "1e999",
            "-.inf",
        ),
        *(
            "zones: {eu-central-1a: }",
            "match:",
            "set: {labels: {a: {b: c}}}",
            "min: 1" + 5_000 * "0",
            "taints: [[a]]",
        ),
    ]
)


class TestAnyText:
    @settings(max_examples=150, deadline=None)
    @given(
        puts=st.lists(st.tuples(st.integers(0, len(BASE)), SNIPPETS, st.booleans()), min_size=1, max_size=4)
    )
    def test_a_file_is_read_or_its_faults_are_told_each_with_a_line_of_it(
        self, puts: list[tuple[int, str, bool]]
    ) -> None:
        text = BASE
        for place, snippet, replaces in puts:
            text = text[:place] + snippet + text[place + len(snippet) * replaces :]
        for each in told(text):
            line = int(each.split(":")[1])
            assert 1 <= line <= len(text.splitlines()) + 1


class TestWhatDoesNotFit:
    def test_user_data_that_ec2_does_not_take(self) -> None:
        (fault,) = told(with_lines({10: "    #" + "x" * 16_384}))
        assert fault.startswith("shop.yaml:9: defaults.userData: user data of 164")
        assert "EC2 takes 16384" in fault

    def test_more_tags_than_aws_takes(self) -> None:
        labels = ", ".join(f"l{number}: x" for number in range(50))
        (fault,) = told(with_lines({6: f"  labels: {{{labels}}}"}))
        assert "AWS takes 50" in fault

    def test_a_label_whose_key_does_not_fit_into_that_of_a_tag(self) -> None:
        key = "machines.example.com/" + "x" * 63
        found = told(with_lines({6: f"  labels: {{{key}: y}}", 7: f"  taints: ['{key}:NoExecute']"}))
        assert [each.split(" (")[0] for each in found] == [
            f'shop.yaml:6: defaults.labels["{key}"]: the key has 84 signs: a tag takes 82',
            "shop.yaml:7: defaults.taints: the key has 84 signs: a tag takes 82",
        ]

    def test_labels_without_any_user_data(self) -> None:
        found = told(with_lines({9: "", 10: "", 11: "", 12: ""}))
        assert len(found) == 3
        assert all("there is no userData to hand them to the nodes" in each for each in found)
