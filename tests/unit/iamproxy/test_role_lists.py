"""What the list of one namespace costs is limited as a whole, and is paid once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from addons.iamproxy import names
from addons.iamproxy.config import Config
from addons.iamproxy.desired.grants import Desired, Rules, desired_grants
from addons.iamproxy.desired.role_lists import (
    LARGEST_COST,
    LONGEST_TEXT,
    MOST_ENTRIES,
    Kind,
    RoleList,
    read_list,
)
from addons.iamproxy.model.objects import Namespace, Pod, PodSpec, PodStatus
from addons.iamproxy.model.verdicts import Grant, Refusal
from addons.runtime.objects import ObjectMeta
from addons.runtime.regular_expressions import LARGEST_PROGRAM

BASE = "arn:aws:iam::111111111111:role/"
SHARED = "arn:aws:iam::222222222222:role/shared"
HOSTILE = [rf"\pL{{{1000 - i % 200}}}" + "x" * (i // 200) for i in range(1000)]


class Compiler:
    """Counts what RE2 is asked to compile, and how many instructions it writes for that."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.calls = self.instructions = 0

    def __call__(self, pattern: str, options: re2.Options) -> Any:
        self.calls += 1
        try:
            found = self._real(pattern, options)
        except re2.error as error:
            if b"too large" in error.args[0]:
                self.instructions += LARGEST_PROGRAM
            raise
        self.instructions += found.programsize
        return found


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    counting = Compiler(re2.compile)
    monkeypatch.setattr(re2, "compile", counting)
    return counting


def pod(name: str, space: str, role: str = "web") -> Pod:
    meta = ObjectMeta(name=name, namespace=space, uid=f"uid-{name}", annotations={names.ROLE: role})
    return Pod(metadata=meta, spec=PodSpec(node_name="node-1"), status=PodStatus(phase="Running"))


def decide(pods: list[Pod], annotations: dict[str, dict[str, str]]) -> Desired:
    spaces = {
        name: Namespace(metadata=ObjectMeta(name=name, annotations=found))
        for name, found in annotations.items()
    }
    config = Config(node="node-1", namespace_restriction_format="regexp")
    return desired_grants(pods, spaces, None, Rules(config, BASE))


class TestOneReading:
    def test_a_list_is_compiled_once_for_all_pods_and_changes(self, compiler: Compiler) -> None:
        faulty = [f"once-{i}(" for i in range(200)]
        lists = {"a": {names.ALLOWED_ROLES: json.dumps([*faulty, "once-web"])}}
        decide([pod("first", "a")], lists)
        assert compiler.calls <= len(faulty) + 2, "each to find its fault, and what is usable to match"
        before = compiler.calls
        for _ in range(3):
            decide([pod(f"web-{i}", "a") for i in range(10)], lists)
        assert compiler.calls == before

    def test_another_role_compiles_only_what_is_usable(self, compiler: Compiler) -> None:
        found = RoleList([*(f"role-{i}(" for i in range(200)), "more-web", "more-db"], "regexp")
        before = compiler.calls
        assert found.first_match(BASE + "more-db", BASE) == "more-db"
        assert compiler.calls - before <= 2

    def test_an_expression_of_kiam_is_compiled_once(self, compiler: Compiler) -> None:
        lists = {"a": {names.PERMITTED: r"kiam-\pL{999}"}}
        decide([pod("first", "a")], lists)
        before = compiler.calls
        decide([pod("first", "a"), pod("second", "a")], lists)
        assert 0 < compiler.calls == before


class TestCost:
    @pytest.mark.parametrize(
        "entries",
        [
            HOSTILE,
            [rf"(?s).{{999}}{i}" for i in range(1000)],
            [rf"(a?){{0,500}}{i}" for i in range(1000)],
            [r"[\p{L}\p{N}]{30}" * 12 + str(i) for i in range(250)],
            [r"[\pL\pN\p{Greek}\PL]" * 20 + str(i) for i in range(150)],
            [r"[\pL\pN\p{Greek}\PL]" * 20 + f"(?={i})" for i in range(150)],
        ],
        ids=["too large", "dots", "optional", "classes", "small programs", "refused"],
    )
    def test_a_list_that_costs_too_much_is_refused_as_a_whole(
        self, compiler: Compiler, entries: list[str]
    ) -> None:
        found = RoleList(entries, "regexp")
        assert "write fewer of them" in found.refused
        assert found.first_match(BASE + "a", BASE) is None
        assert compiler.calls < 40

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a", ".", r"\pL", r"[^\pN]", "(?i)k", "(.*a|b)", "(x?)", "(", "[^/]", "é"]),
                st.integers(0, 1100),
            ).map(lambda pair: f"{pair[0]}{{{pair[1]}}}"),
            max_size=60,
        )
    )
    @example(HOSTILE)
    def test_no_list_makes_the_engine_write_more_than_the_bound(self, entries: list[str]) -> None:
        counting = Compiler(re2.compile)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(re2, "compile", counting)
            found = RoleList(entries, "regexp")
        assert counting.instructions <= LARGEST_COST + LARGEST_PROGRAM
        assert found.refused or counting.instructions <= LARGEST_COST

    @pytest.mark.parametrize(
        "form",
        [
            *(
                "role-{}",
                "team-{}-[a-z0-9-]+",
                "/team/{}/.*",
                "^web-{}$",
                "(?i)app{}-(prod|test)",
                r"x{}-\d{{1,4}}",
            ),
            "arn:aws:iam::222222222222:role/{}",
        ],
    )
    def test_the_longest_list_of_ordinary_expressions_is_read(self, form: str) -> None:
        last = 999 if len(form) < 30 else 499
        found = RoleList([form.format(i) for i in range(last + 1)], "regexp")
        assert (found.refused, found.faults) == ("", ())

    def test_one_costly_expression_is_read(self) -> None:
        assert RoleList(["[^x]{1000}", r"w\pL+", "web"], "regexp").first_match(BASE + "web", BASE)

    @pytest.mark.parametrize("kind", ["glob", "regexp", "permitted"])
    def test_an_annotation_that_is_too_long_is_not_even_decoded(self, kind: Kind) -> None:
        assert "fewer entries" in read_list("[" * (LONGEST_TEXT + 1), kind).refused

    @pytest.mark.parametrize("kind", ["glob", "regexp"])
    def test_a_list_has_a_largest_number_of_entries(self, kind: Kind) -> None:
        assert not read_list(json.dumps(["w"] * MOST_ENTRIES), kind).refused
        assert "1000 entries" in read_list(json.dumps(["w"] * (MOST_ENTRIES + 1)), kind).refused


class TestWhatIsTold:
    def messages(self, found: Desired) -> Iterator[str]:
        yield from (problem.message for problem in found.problems)
        yield from (verdict.message for verdict in found.pods if isinstance(verdict, Refusal))

    def test_a_list_that_is_refused_concerns_its_namespace_alone(self) -> None:
        lists = {"bad": {names.ALLOWED_ROLES: json.dumps([".*", *HOSTILE[:999]])}}
        lists["good"] = {names.ALLOWED_ROLES: '[".*"]'}
        found = decide([pod("a", "bad"), pod("b", "good")], lists)
        refused, granted = found.pods
        assert isinstance(refused, Refusal)
        assert refused.reason == names.ROLE_NOT_ALLOWED
        assert isinstance(granted, Grant)
        (problem,) = found.problems
        assert (problem.ref.name, problem.reason) == ("bad", names.INVALID_ALLOWED_ROLES)
        assert "write fewer of them" in problem.message

    @pytest.mark.parametrize("kind", ["glob", "regexp"])
    def test_few_faults_are_named_and_the_others_counted(self, kind: Kind) -> None:
        found = RoleList(["web", *(f"({i} " for i in range(50))], kind)
        assert [str(i) in fault for i, fault in enumerate(found.faults[:3])] == [True] * 3
        assert found.faults[3:] == ("47 more of its entries are faulty",)

    @pytest.mark.parametrize("entry", ["(" + "é" * 500, "\x00" * 511 + "(", "(" * 60_000, "[" + "😀" * 500])
    @pytest.mark.parametrize("kind", ["glob", "regexp"])
    def test_a_fault_shows_the_beginning_of_what_is_long(self, entry: str, kind: Kind) -> None:
        (fault,) = RoleList([entry], kind).faults
        assert len(fault) < 1000

    @pytest.mark.parametrize(
        "annotations",
        [
            {names.ALLOWED_ROLES: json.dumps([f"({i}" + "x" * 40 for i in range(999)])},
            {names.ALLOWED_ROLES: json.dumps(HOSTILE)},
            {names.ALLOWED_ROLES: "[" * 250_000},
            {names.PERMITTED: "(" * 250_000},
            {names.PERMITTED: "(" * 500},
        ],
    )
    @pytest.mark.parametrize("role", ["web", SHARED])
    def test_no_message_is_long(self, annotations: dict[str, str], role: str) -> None:
        found = list(self.messages(decide([pod("a", "bad", role)], {"bad": annotations})))
        assert len(found) > 1
        assert max(map(len, found)) < 2000
