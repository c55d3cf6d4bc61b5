"""Conditions of rules: what annotations say, and how it joins the host and path of the Ingress."""

import json
from typing import Any

import pytest

from addons.albingress.desired.annotation_values import Unreadable
from addons.albingress.desired.conditions import in_one_form, own_conditions, rule_conditions
from addons.albingress.desired.not_usable import NotUsable
from addons.albingress.desired.paths import PathPatterns
from addons.albingress.model.rules import Condition


def read(*conditions: Any) -> tuple[Condition, ...]:
    return own_conditions(json.dumps(conditions))


def refused(*conditions: Any) -> str:
    with pytest.raises(Unreadable) as caught:
        read(*conditions)
    return str(caught.value)


class TestKinds:
    """Every kind of condition that a load balancer knows."""

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            (
                {"field": "host-header", "hostHeaderConfig": {"values": ["a.org"]}},
                Condition("host-header", ("a.org",)),
            ),
            (
                {"field": "host-header", "hostHeaderConfig": {"regexValues": ["^a+$"]}},
                Condition("host-header", regex=("^a+$",)),
            ),
            (
                {"field": "path-pattern", "pathPatternConfig": {"values": ["/a", "/b*"]}},
                Condition("path-pattern", ("/a", "/b*")),
            ),
            (
                {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-Beta", "values": ["1"]}},
                Condition("http-header", ("1",), header="X-Beta"),
            ),
            (
                {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X", "regexValues": ["a|b"]}},
                Condition("http-header", regex=("a|b",), header="X"),
            ),
            (
                {"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET", "HEAD"]}},
                Condition("http-request-method", ("GET", "HEAD")),
            ),
            (
                {
                    "field": "query-string",
                    "queryStringConfig": {"values": [{"key": "a", "value": "1"}, {"value": "x"}]},
                },
                Condition("query-string", pairs=(("a", "1"), ("", "x"))),
            ),
            (
                {"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8", "2001:db8::/32"]}},
                Condition("source-ip", ("10.0.0.0/8", "2001:db8::/32")),
            ),
        ],
    )
    def test_it_is_read_as_written(self, written: dict[str, Any], expected: Condition) -> None:
        assert read(written) == (expected,)

    def test_names_of_fields_count_in_any_case(self) -> None:
        assert read({"Field": "source-ip", "SourceIpConfig": {"VALUES": ["10.0.0.0/8"]}}) == (
            Condition("source-ip", ("10.0.0.0/8",)),
        )

    def test_fields_that_are_not_known_and_nulls_are_ignored(self) -> None:
        config = {"values": ["a.org"], "regexValues": None, "more": [1]}
        assert read({"field": "host-header", "hostHeaderConfig": config}) == (
            Condition("host-header", ("a.org",)),
        )


class TestRefused:
    """A condition that is not understood is never left out: the rule would match more than was asked for."""

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ({"field": "host", "hostHeaderConfig": {"values": ["a"]}}, "field 'host' is none of host-header"),
            ({"hostHeaderConfig": {"values": ["a"]}}, "field '' is none of"),
            ({"field": "host-header"}, "host-header: hostHeaderConfig is missing"),
            ({"field": "host-header", "hostHeaderConfig": {"values": []}}, "hostHeaderConfig has no values"),
            ({"field": "host-header", "hostHeaderConfig": {"values": [""]}}, "an empty value"),
            (
                {"field": "host-header", "hostHeaderConfig": {"values": ["a"], "regexValues": ["b"]}},
                "has values and regexValues",
            ),
            ({"field": "http-header", "httpHeaderConfig": {"values": ["a"]}}, "httpHeaderName"),
            (
                {"field": "http-request-method", "httpRequestMethodConfig": {"values": ["get"]}},
                "get is not a method in capital letters",
            ),
            (
                {"field": "http-request-method", "httpRequestMethodConfig": {"regexValues": ["G"]}},
                "takes values only",
            ),
            ({"field": "query-string", "queryStringConfig": {"values": [{"key": "a"}]}}, "an empty value"),
            ({"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.1"]}}, "10.0.0.1 is not a range"),
            ({"field": "source-ip", "sourceIPConfig": {"values": ["all/0"]}}, "all/0 is not a range"),
            ({"field": 5}, "[0].field: expected a text, got a whole number"),
            ({"field": "source-ip", "sourceIPConfig": {"values": "x"}}, "expected a list, got a text"),
        ],
    )
    def test_it_is_named(self, written: dict[str, Any], said: str) -> None:
        assert said in refused(written)

    @pytest.mark.parametrize("text", ["", "{", "{}", '"x"', "null", "[" * 5000])
    def test_what_is_no_list_is_refused(self, text: str) -> None:
        with pytest.raises(Unreadable, match=r"is not JSON|nested too deep|expected a list"):
            own_conditions(text)

    def test_more_values_than_any_load_balancer_takes_are_refused(self) -> None:
        values = {"values": [f"/{number}" for number in range(501)]}
        said = refused({"field": "path-pattern", "pathPatternConfig": values})
        assert said == "501 values, more than 500; give the rule fewer"

    def test_a_second_condition_of_a_kind_that_a_rule_has_once_is_refused(self) -> None:
        source = {"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}}
        assert "at most one condition source-ip" in refused(source, source)


class TestJoined:
    """Host and path of the Ingress with the conditions of the annotation."""

    def test_without_anything_every_path_matches(self) -> None:
        assert rule_conditions("", PathPatterns(), ()) == (Condition("path-pattern", ("/*",)),)

    def test_hosts_and_paths_of_the_annotation_join_those_of_the_ingress(self) -> None:
        own = (Condition("host-header", ("b.org",)), Condition("path-pattern", ("/b",)))
        assert rule_conditions("a.org", PathPatterns(("/a",)), own) == (
            Condition("host-header", ("a.org", "b.org")),
            Condition("path-pattern", ("/a", "/b")),
        )

    def test_other_conditions_stand_alone_without_a_path(self) -> None:
        own = (Condition("source-ip", ("10.0.0.0/8",)),)
        assert rule_conditions("", PathPatterns(), own) == own

    def test_regular_expressions_do_not_mix_with_the_host_of_the_ingress(self) -> None:
        with pytest.raises(NotUsable, match=r"hosts: b\.\* is a regular expression and a\.org is none"):
            rule_conditions("a.org", PathPatterns(), (Condition("host-header", regex=("b.*",)),))

    def test_in_one_form_the_order_in_which_it_was_written_does_not_count(self) -> None:
        one = (Condition("source-ip", ("b", "a", "b")), Condition("host-header", ("z",)))
        assert in_one_form(one) == (Condition("host-header", ("z",)), Condition("source-ip", ("a", "b")))
