"""Patterns of roles match whole texts, are of the syntax that kube2iam takes, and never take long."""

import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.desired.patterns import glob_matches, read_regexp, regexp_matches
from addons.runtime.regular_expressions import BadExpression
from tests.support.processes import output_of

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
        ("pattern", "fits", "fits_not"),
        [
            ("[[:alpha:]]+-[^a-z]", "web-1", "web-a"),
            (r"web-\d+", "web-12", "web-x"),
            (r"w\pL+\PL", "web1", "webb"),
            (r"(?i)WEB", "web", "db"),
            (r"(?P<team>web)-(?<stage>prod|test)", "web-prod", "web-dev"),
            (r"(?:web|db)", "db", "webdb"),
            (r"web{2,3}", "webbb", "web"),
            (r"a{200}", "a" * 200, "a" * 199),
            (r"^web$", "web", "web-"),
            (r"\Aweb\z", "web", "web-"),
            (r"\Qa.b*\E-\w", "a.b*-c", "axb-c"),
            (r"web.*?-.+?", "web-1-2", "web-"),
            (r"web\b.*", "web-1", "web1"),
            (r"\x77eb|(?s:d.)", "d\n", "d"),
            (r"a.(b|$)", "ab", "a"),
            (r"a^b|c", "c", "ab"),
        ],
    )
    def test_all_that_kube2iam_reads_is_read(self, pattern: str, fits: str, fits_not: str) -> None:
        assert read_regexp(pattern)[0] == ""
        assert regexp_matches(pattern, fits)
        assert not regexp_matches(pattern, fits_not)

    def test_one_that_is_read_is_small_however_long_the_text(self) -> None:
        assert not regexp_matches("(.*a.{100}|.*b.{99})*x", "ab" * 50_000)

    @pytest.mark.parametrize(
        ("pattern", "advice"),
        [
            *(
                (pattern, "list what is meant")
                for pattern in ("(?=a)", "(?!db).*", "(?<=a)b", "(?<!a)b", "(?>a)")
            ),
            *((pattern, "no back-references") for pattern in (r"(a)\1", r"(?P<n>a)\k<n>", r"a\Z")),
            *((pattern, "at most 1000 times") for pattern in ("a{1001}", "((a{100}){100}){100}")),
            (r"\pL{1,64}", "repeat less"),
            ("a" * 600, "longer than 512 characters"),
            ("\ud800", "not valid Unicode"),
            *((pattern, "bad repetition operator") for pattern in ("a**", "a++")),
            *((pattern, r"missing \)|unexpected \)") for pattern in ("(", ")", "a)")),
            *((pattern, r"missing \]|character class range") for pattern in ("[a", "[b-a]")),
            ("*", "no argument for repetition"),
        ],
    )
    def test_what_cannot_be_read_is_refused_and_the_remedy_named(self, pattern: str, advice: str) -> None:
        with pytest.raises(BadExpression, match=advice):
            regexp_matches(pattern, "a")
        assert read_regexp(pattern)[0]

    def test_the_engine_is_loaded_with_the_first_expression(self) -> None:
        """It costs more memory than all grants of a node, and most clusters have globs."""
        code = (
            "import sys; from addons.iamproxy.desired.patterns import glob_matches, regexp_matches\n"
            "assert glob_matches('w*', 'web') and 're2' not in sys.modules\n"
            "assert regexp_matches('w.*', 'web') and 're2' in sys.modules"
        )
        output_of(sys.executable, "-c", code)
