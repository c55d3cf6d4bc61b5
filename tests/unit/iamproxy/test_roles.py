"""Roles as users write them: a name, a path and name, or an ARN."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.desired.roles import NoBase, external_id, role_arn, role_name, session_name

BASE = "arn:aws:iam::111111111111:role/"


class TestArns:
    @pytest.mark.parametrize("written", ["web", "/web", " web ", BASE + "web"])
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
            *("", "/", "web/", "a//b", "a b", "wéb", "web\n2", "ARN:aws:iam::111111111111:role/web"),
            *("arn:aws:iam::111111111111:user/web", "arn:aws:iam::1:role/web", BASE, BASE + "web/"),
        ],
    )
    def test_nothing_else_is_a_role(self, written: str) -> None:
        with pytest.raises(ValueError, match="it should look like"):
            role_arn(written, BASE)

    def test_a_name_needs_a_base(self) -> None:
        with pytest.raises(NoBase):
            role_arn("web", "")


class TestNames:
    def test_the_base_is_left_out(self) -> None:
        assert role_name(BASE + "team/web", BASE) == "team/web"

    def test_a_role_of_another_account_is_shown_in_full(self) -> None:
        arn = "arn:aws:iam::222222222222:role/web"
        assert role_name(arn, BASE) == arn


class TestExternalIds:
    @pytest.mark.parametrize("written", ["", "id", " id-1@example.com:a/b ", "x" * 1224])
    def test_sts_takes_these(self, written: str) -> None:
        assert external_id(written) == written.strip()

    @pytest.mark.parametrize("written", ["x", "a b", "ü1", "x" * 1225, "a\nb"])
    def test_and_not_these(self, written: str) -> None:
        with pytest.raises(ValueError, match="2 to 1224"):
            external_id(written)


class TestSessionNames:
    def test_what_sts_does_not_take_becomes_a_dash(self) -> None:
        assert session_name("a b/c:d") == "a-b-c-d"

    def test_long_names_stay_apart(self) -> None:
        assert session_name("x" * 80 + "1") != session_name("x" * 80 + "2")

    @given(st.text(max_size=120))
    def test_sts_takes_every_one(self, wanted: str) -> None:
        assert re.fullmatch(r"[\w+=,.@-]{2,64}", session_name(wanted), re.ASCII)
