"""Roles as users write them: a name, a path and name, or an ARN; the same grammar wherever they stand."""

import pytest

from addons.iamproxy.roles import (
    LONGEST_ARN,
    NoBase,
    checked_arn,
    checked_base,
    glob_fault,
    role_arn,
    role_name,
)

BASE = "arn:aws:iam::111111111111:role/"


class TestArns:
    @pytest.mark.parametrize("written", ["web", "/web", BASE + "web"])
    def test_a_name_is_completed_and_an_arn_is_taken_as_it_is(self, written: str) -> None:
        assert role_arn(written, BASE) == BASE + "web"

    def test_a_path_is_part_of_the_name(self) -> None:
        assert role_arn("team/web", BASE) == BASE + "team/web"

    def test_other_partitions_have_arns_too(self) -> None:
        arn = "arn:aws-cn:iam::222222222222:role/web"
        assert role_arn(arn, BASE) == arn

    @pytest.mark.parametrize(
        "written",
        [
            *("", "/", "web/", "a//b", "//web", "a b", " web", "web ", " ", "wéb", "web\n2", "web*", "we:b"),
            *("ARN:aws:iam::111111111111:role/web", "arn:aws:iam::111111111111:user/web", "arn:web"),
            *("arn:aws:sts::111111111111:role/web", "arn:azure:iam::111111111111:role/web"),
            *("arn:aws:iam::1:role/web", "arn:aws:iam::11111111111a:role/web", "arn:aws:iam:::role/web"),
            *(BASE, BASE + "web/", BASE + "a//b", BASE + "/web", BASE.removesuffix("/")),
        ],
    )
    def test_nothing_else_is_a_role(self, written: str) -> None:
        with pytest.raises(ValueError, match="it should look like"):
            role_arn(written, BASE)

    @pytest.mark.parametrize(
        ("written", "part"),
        [
            ("a" * 65, "name has more than 64"),
            (BASE + "a" * 65, "name has more than 64"),
            ("a" * 513 + "/b", "path has more than 512"),
        ],
    )
    def test_what_iam_does_not_permit_is_no_role(self, written: str, part: str) -> None:
        with pytest.raises(ValueError, match=part):
            role_arn(written, BASE)

    @pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
    def test_the_longest_role_fits_in_what_pods_may_ask_for(self, partition: str) -> None:
        longest = f"arn:{partition}:iam::111111111111:role/{'p' * 510}/{'n' * 64}"
        assert len(role_arn(longest, "")) <= LONGEST_ARN

    def test_a_name_needs_a_base(self) -> None:
        with pytest.raises(NoBase):
            role_arn("web", "")


class TestNames:
    def test_the_base_is_left_out(self) -> None:
        assert role_name(BASE + "team/web", BASE) == "team/web"

    def test_a_role_of_another_account_is_shown_in_full(self) -> None:
        arn = "arn:aws:iam::222222222222:role/web"
        assert role_name(arn, BASE) == arn


class TestBases:
    @pytest.mark.parametrize("written", [BASE, BASE + "team", BASE + "team/", BASE.removesuffix("/")])
    def test_they_end_in_one_slash(self, written: str) -> None:
        assert checked_base(written) == written.removesuffix("/") + "/"

    @pytest.mark.parametrize(
        "written",
        ["web", BASE + "/", BASE + "a//b/", "arn:aws:iam::1:role/", "arn:aws:iam::111111111111:user/"],
    )
    def test_nothing_else_is_a_base(self, written: str) -> None:
        with pytest.raises(ValueError, match="no base of roles"):
            checked_base(written)


class TestEntriesOfAllowLists:
    @pytest.mark.parametrize(
        "pattern", ["web", "/web", "team/*", "*", "/*", "web-*-x", BASE + "web", BASE + "*", "arn:*:role/web"]
    )
    def test_what_some_role_matches_has_no_fault(self, pattern: str) -> None:
        assert glob_fault(pattern) == ""

    @pytest.mark.parametrize(
        "pattern",
        [
            *("", "my role", " web", "we b*", "a//*", "wéb*", "we:b*", BASE, "arn:aws:iam::1:role/web"),
            *("arn:aws:s3:::bucket", BASE + "web/", "a" * 65),
        ],
    )
    def test_what_no_role_matches_is_told(self, pattern: str) -> None:
        assert repr(pattern) in glob_fault(pattern)


def test_an_arn_is_not_completed() -> None:
    with pytest.raises(ValueError, match="it should look like arn:"):
        checked_arn("web")
