"""Patterns of roles match whole texts, mean what Python's expressions mean, and never take long."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.desired.patterns import BadPattern, glob_matches, regexp_matches

CHARACTERS = "ab/:"
TEXTS = st.text(CHARACTERS, max_size=8)


def expressions() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "/", r"\.", r"\w", ":"])

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        repeats = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "{0}"])
        return st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
            st.tuples(inner, repeats).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        )

    return st.recursive(atoms, larger, max_leaves=8)


class TestGlobs:
    @pytest.mark.parametrize(
        ("pattern", "text", "fits"),
        [
            ("web", "web", True),
            ("web", "web2", False),
            ("*", "", True),
            ("web-*", "web-a/b", True),
            ("*-admin", "db-admin", True),
            ("a*b*c", "a-b-b-c", True),
            ("a*a", "a", False),
            ("w.b", "web", False),
            ("", "web", False),
        ],
    )
    def test_a_star_stands_for_anything_and_nothing_else_is_special(
        self, pattern: str, text: str, fits: bool
    ) -> None:
        assert glob_matches(pattern, text) is fits

    @given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
    def test_they_mean_what_the_same_expression_means(self, pattern: str, text: str) -> None:
        expression = ".*".join(map(re.escape, pattern.split("*")))
        assert glob_matches(pattern, text) is bool(re.fullmatch(expression, text))


class TestExpressions:
    @given(expressions(), TEXTS)
    def test_they_mean_what_python_takes_them_to_mean(self, pattern: str, text: str) -> None:
        assert regexp_matches(pattern, text) is bool(re.fullmatch(pattern, text))

    @pytest.mark.parametrize("pattern", ["^web$", "web", "^web", "web$", "(web)", "we[b]"])
    def test_the_whole_text_must_match(self, pattern: str) -> None:
        assert regexp_matches(pattern, "web")
        assert not regexp_matches(pattern, "web-admin")
        assert not regexp_matches(pattern, "my-web")

    def test_alternatives_are_all_anchored(self) -> None:
        assert not regexp_matches("a|b", "a-admin")
        assert not regexp_matches("^a|b$", "admin-b")

    def hostile(self) -> Iterator[str]:
        yield "(a*)*b"
        yield "(a|a)" * 40 + "b"
        yield "a?" * 60 + "a" * 60 + "b"
        yield ".*" * 50 + "b"

    def test_none_takes_long(self) -> None:
        """Python's own matcher would take years for each of them."""
        for pattern in self.hostile():
            assert not regexp_matches(pattern, "a" * 200)

    @pytest.mark.parametrize(
        "pattern",
        [
            *("(", ")", "a)", "*", "a**", "[a", "[a--b]", "[b-a]", "a^b", "a$b", r"\1", r"we\b", "(?=a)"),
            *("a{200}", "((a{90}){90}){90}", "a" * 600, "(" * 30 + "a" + ")" * 30),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, pattern: str) -> None:
        with pytest.raises(BadPattern):
            regexp_matches(pattern, "a")
