"""Which roles a namespace permits, and which the cluster's administrator does: both must."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy import names
from addons.iamproxy.desired.patterns import Format
from addons.iamproxy.desired.policy import (
    Allowed,
    NotAllowed,
    Policy,
    Rule,
    check_namespace,
    check_policy,
    parse_policy,
)
from addons.iamproxy.desired.role_lists import first_match

BASE = "arn:aws:iam::111111111111:role/"
OTHER = "arn:aws:iam::222222222222:role/"
KEY = names.ALLOWED_ROLES
FORMATS: st.SearchStrategy[Format] = st.sampled_from(["glob", "regexp"])
ROLE_NAMES = st.from_regex(r"[a-z]{1,4}(/[a-z]{1,3})?", fullmatch=True)


def check(arn: str, *allowed: str, form: Format = "glob", base: str = BASE) -> Allowed | NotAllowed:
    return check_namespace(arn, {KEY: json.dumps(allowed)}, key=KEY, form=form, base=base)


def permits(arn: str, *allowed: str, form: Format = "glob", base: str = BASE) -> bool:
    return isinstance(check(arn, *allowed, form=form, base=base), Allowed)


def kiam(arn: str, permitted: str) -> bool:
    verdict = check_namespace(arn, {names.PERMITTED: permitted}, key=KEY, form="glob", base=BASE)
    return isinstance(verdict, Allowed)


class TestNamespaceLists:
    def test_a_listed_name_is_permitted(self) -> None:
        assert permits(BASE + "web", "db", "web")

    def test_the_rule_that_permits_is_named(self) -> None:
        assert check(BASE + "web-1", "db", "web-*") == Allowed(f"{KEY} of the namespace has web-*")

    def test_a_star_reaches_every_role_of_the_account_and_none_of_another(self) -> None:
        assert permits(BASE + "team/web", "*")
        assert not permits(OTHER + "web", "*")

    @pytest.mark.parametrize("pattern", [OTHER + "web", OTHER + "*"])
    def test_a_role_of_another_account_is_permitted_where_the_account_is_listed(self, pattern: str) -> None:
        assert permits(OTHER + "web", pattern)

    @pytest.mark.parametrize("pattern", ["arn:aws:iam::*:role/web", "arn:*", "arn:aws:iam::2222*", "*"])
    def test_no_pattern_reaches_an_account_that_it_does_not_name(self, pattern: str) -> None:
        found = check(OTHER + "web", pattern)
        assert isinstance(found, NotAllowed)
        assert found.reason == names.ACCOUNT_NOT_ALLOWED

    def test_without_a_base_only_arns_count(self) -> None:
        assert permits(OTHER + "web", OTHER + "w*", base="")
        assert not permits(OTHER + "web", "*", base="")

    @pytest.mark.parametrize("text", ["", "web", "{}", '"web"', "[1]", "null", '["web"'])
    def test_a_list_that_cannot_be_read_permits_nothing(self, text: str) -> None:
        verdict = check_namespace(BASE + "web", {KEY: text}, key=KEY, form="glob", base=BASE)
        assert isinstance(verdict, NotAllowed)

    def test_no_list_permits_nothing(self) -> None:
        assert isinstance(check_namespace(BASE + "web", {}, key=KEY, form="glob", base=BASE), NotAllowed)


class TestExpressions:
    def test_they_match_the_whole_role(self) -> None:
        assert permits(BASE + "web-1", "web-[0-9]", form="regexp")
        assert not permits(BASE + "web-10", "web-[0-9]", form="regexp")
        assert not permits(BASE + "my-web-1", "web-[0-9]", form="regexp")

    def test_they_may_be_about_the_whole_arn(self) -> None:
        assert permits(BASE + "web", "^arn:aws:iam::[0-9]+:role/web$", form="regexp")
        assert not permits(OTHER + "web", "^arn:aws:iam::[0-9]+:role/web$", form="regexp")

    def test_an_alternative_opens_no_other_account(self) -> None:
        assert not permits(OTHER + "web", BASE + "x|.*", form="regexp")

    def test_the_base_is_no_expression(self) -> None:
        """kube2iam glues it in front of the expression, dots and all."""
        strange = "arn:aws:iam::111111111111:role/a.b/"
        assert not permits("arn:aws:iam::111111111111:role/axb/web", "web", form="regexp", base=strange)

    def test_a_faulty_one_permits_nothing_and_spares_its_neighbours(self) -> None:
        assert not permits(BASE + "web", "(", form="regexp")
        assert permits(BASE + "web", "(", "web", form="regexp")


class TestKiam:
    @pytest.mark.parametrize("permitted", ["web", ".*", "web|db", BASE + "web", "arn:.*"])
    def test_the_expression_may_be_about_the_name_or_the_arn(self, permitted: str) -> None:
        assert kiam(BASE + "web", permitted)

    @pytest.mark.parametrize("permitted", ["we", "eb", "db|we", ""])
    def test_it_must_match_the_whole_of_it(self, permitted: str) -> None:
        assert not kiam(BASE + "web", permitted)

    def test_it_reaches_no_account_that_it_does_not_name(self) -> None:
        assert not kiam(OTHER + "web", ".*")

    def test_it_does_not_count_beside_a_list(self) -> None:
        annotations = {names.PERMITTED: ".*", KEY: "[]"}
        found = check_namespace(BASE + "web", annotations, key=KEY, form="glob", base=BASE)
        assert isinstance(found, NotAllowed)


class TestPolicy:
    RULES = Policy(
        (
            Rule("data", ("data-*",), namespace_selector="team=data", service_accounts=("loader",)),
            Rule("shared", (OTHER + "shared",), namespaces=("prod-*",)),
        )
    )

    def permits(self, arn: str, namespace: str, account: str = "default", team: str = "") -> bool:
        labels = {"team": team} if team else {}
        verdict = check_policy(
            arn, self.RULES, namespace=namespace, labels=labels, service_account=account, base=BASE
        )
        return isinstance(verdict, Allowed)

    def test_all_of_a_rule_must_fit(self) -> None:
        assert self.permits(BASE + "data-1", "x", account="loader", team="data")
        assert not self.permits(BASE + "data-1", "x", account="other", team="data")
        assert not self.permits(BASE + "data-1", "x", account="loader", team="web")
        assert not self.permits(BASE + "web", "x", account="loader", team="data")

    def test_namespaces_are_globs(self) -> None:
        assert self.permits(OTHER + "shared", "prod-1")
        assert not self.permits(OTHER + "shared", "test-1")

    def test_the_first_of_many_rules_that_do_not_permit_are_named(self) -> None:
        rules = Policy(tuple(Rule(f"r{i}", ("web",)) for i in range(1000)))
        found = check_policy(BASE + "a", rules, namespace="a", labels={}, service_account="a", base=BASE)
        assert isinstance(found, NotAllowed)
        assert "rules r0, r1," in found.message
        assert "r9 and 990 more do not permit" in found.message

    def test_no_rules_permit_nothing(self) -> None:
        verdict = check_policy(BASE + "a", Policy(), namespace="a", labels={}, service_account="a", base=BASE)
        assert isinstance(verdict, NotAllowed)
        assert verdict.reason == names.POLICY_DENIES

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "x",
                "roles: []",
                "rules: 1",
                "rules: [",
                "rules: [{name: a}]",
                "rules: [{name: a, roles: []}]",
            ),
            "rules: [{name: a, roles: [b], namespaceSelector: '=='}]",
            "rules: [{name: a, roles: [b], other: 1}]",
        ],
    )
    def test_a_file_that_cannot_be_read_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_policy(text.encode())

    @pytest.mark.parametrize(
        ("rules", "message"),
        [
            ([{"name": "a" * 300_000, "roles": ["b"]}], "longer than 262144 bytes"),
            ([{"name": "a", "roles": ["b"] * 9_999}], "10001 patterns, more than 10000"),
        ],
    )
    def test_a_file_that_is_too_large_is_refused(self, rules: list[dict[str, object]], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            parse_policy(json.dumps({"rules": rules}).encode())

    def test_the_fault_of_a_large_file_is_told_in_short(self) -> None:
        rule = {"name": "n" * 9_000, "roles": ["(*" * 4_500] * 20}
        with pytest.raises(ValueError, match="is longer than any role") as raised:
            parse_policy(json.dumps({"rules": [rule]}).encode())
        assert len(str(raised.value)) < 500

    def test_a_file_is_read(self) -> None:
        text = "rules: [{name: a, namespaces: [x], serviceAccounts: [y], namespaceSelector: t=u, roles: [b]}]"
        assert parse_policy(text.encode()) == Policy((Rule("a", ("b",), ("x",), "t=u", ("y",)),))


class TestProperties:
    @given(ROLE_NAMES, st.lists(st.text("ab*/", max_size=5), max_size=4))
    def test_more_patterns_never_permit_less(self, name: str, patterns: list[str]) -> None:
        for count in range(len(patterns)):
            if permits(BASE + name, *patterns[:count]):
                assert permits(BASE + name, *patterns)

    @given(
        ROLE_NAMES, st.lists(st.text("ab*/:arn", max_size=8), max_size=4), st.sampled_from(["glob", "regexp"])
    )
    def test_nothing_but_a_written_account_reaches_another_account(
        self, name: str, patterns: list[str], form: Format
    ) -> None:
        assert not permits(OTHER + name, *patterns, form=form)

    @given(ROLE_NAMES, ROLE_NAMES, FORMATS)
    def test_a_role_permits_itself_and_no_other(self, one: str, other: str, form: Format) -> None:
        found = first_match(BASE + other, [one], kind=form, base=BASE)
        assert (found is not None) == (one == other)
