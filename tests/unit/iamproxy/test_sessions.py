"""What STS is told about a session: its name, and the external id."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.desired.sessions import external_id, session_name


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
