"""Options of groups by their tags, limits of the cluster, priorities."""

from datetime import timedelta

import pytest

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired.options import options_of, priorities_of, totals_of
from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.snapshot import Totals

CONFIG = Config(scale_down_utilization_threshold=0.4, scale_down_unneeded_time=timedelta(minutes=5))
DEFAULTS = GroupOptions(utilization_threshold=0.4, unneeded_seconds=300.0)


def tagged(**options: str) -> tuple[GroupOptions, tuple[str, ...]]:
    return options_of({names.TEMPLATE_OPTIONS + key: text for key, text in options.items()}, CONFIG)


class TestOptions:
    def test_without_tags_the_settings_count(self) -> None:
        assert options_of({"Name": "web"}, CONFIG) == (DEFAULTS, ())

    @pytest.mark.parametrize(
        ("key", "text", "field", "value"),
        [
            ("scaledownutilizationthreshold", "0.7", "utilization_threshold", 0.7),
            ("scaledowngpuutilizationthreshold", "1", "gpu_utilization_threshold", 1.0),
            ("scaledownunneededtime", "1h30m", "unneeded_seconds", 5400.0),
            ("scaledownunreadytime", "90s", "unready_seconds", 90.0),
            ("ignoredaemonsetsutilization", "true", "ignores_daemonsets", True),
            ("ignoredaemonsetsutilization", "False", "ignores_daemonsets", False),
            ("maxnodeprovisiontime", "5m", "provision_seconds", 300.0),
            ("maxstep", "3", "max_step", 3),
            ("priority", "-5", "priority", -5),
            ("price", "0.096", "price", 0.096),
        ],
    )
    def test_a_tag(self, key: str, text: str, field: str, value: object) -> None:
        options, problems = tagged(**{key: text})
        assert (getattr(options, field), problems) == (value, ())

    def test_a_limit_of_no_time_would_end_every_instance_that_starts(self) -> None:
        options, (problem,) = tagged(maxnodeprovisiontime="0s")
        assert options.provision_seconds == tagged()[0].provision_seconds > 0
        assert "not a duration above 0, such as 15m" in problem

    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("scaledownutilizationthreshold", "50%"),
            ("scaledownutilizationthreshold", "1.5"),
            ("scaledownutilizationthreshold", "nan"),
            ("scaledownunneededtime", "10"),
            ("scaledownunneededtime", "-5m"),
            ("ignoredaemonsetsutilization", "yes"),
            ("maxstep", "0"),
            ("priority", "high"),
            ("price", "-1"),
            ("price", "inf"),
        ],
    )
    def test_a_tag_that_cannot_be_read_costs_itself_and_is_named(self, key: str, text: str) -> None:
        options, (problem,) = tagged(**{key: text, "maxnodeprovisiontime": "1m"})
        assert options == GroupOptions(
            utilization_threshold=0.4, unneeded_seconds=300.0, provision_seconds=60.0
        )
        assert problem.startswith(f"tag {names.TEMPLATE_OPTIONS}{key}={text}: not ")

    def test_a_tag_that_nobody_knows_is_named_with_those_there_are(self) -> None:
        _, (problem,) = tagged(scaledownunneededtme="1m")
        assert "scaledownunneededtme is unknown" in problem
        assert "scaledownunneededtime" in problem


class TestTotals:
    def test_of_the_settings(self) -> None:
        config = Config(max_nodes_total=9, cores_total="4:100", memory_total="1:64")
        assert totals_of(config) == Totals(9, 4, 100, 1 << 30, 64 << 30)

    def test_by_default(self) -> None:
        assert totals_of(Config()) == Totals()

    def test_a_minimum_above_the_maximum_is_refused(self) -> None:
        with pytest.raises(ValueError, match="--cores-total=5:4: the minimum 5 is above the maximum 4"):
            totals_of(Config(cores_total="5:4"))


class TestPriorities:
    def test_of_the_config_map(self) -> None:
        found = priorities_of({"priorities": "10:\n- .*spot.*\n50:\n- web-.*\n- api\n"})
        assert found == ({50: ("web-.*", "api"), 10: (".*spot.*",)}, ())

    def test_a_pattern_that_is_none_costs_itself_only(self) -> None:
        found, (problem,) = priorities_of({"priorities": "10: ['(', good]"})
        assert found == {10: ("good",)}
        assert "10: '(' is not a regular expression: " in problem

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("- a", "not a mapping"),
            ("", "not a mapping"),
            ("a: [", "not YAML"),
            ("high: [a]", "high: not a whole number with a list"),
            ("10: a", "10: not a whole number with a list"),
            ("10: [7]", "7 is not a regular expression: it is no text"),
            ("2026-13-45: [a]", "not YAML: month must be in 1..12"),
            ("0x_: [a]", "not YAML"),
            ("[" * 3000, "not YAML: maximum recursion depth"),
            ("10: ['a{1001}']", "is not a regular expression: invalid repetition size"),
            ("10: ['(a{1000}){1000}']", "'(a{1000}){1000}' is not a regular expression: "),
            (
                "10: ['web(?!-spot)']",
                "'web(?!-spot)' is not a regular expression: invalid perl operator: (?!; look",
            ),
            (
                f"10: ['{'(' * 3000}']",
                "((((... is not a regular expression: longer than 1000 characters",
            ),
            ('10: ["\\ud800"]', "is not a regular expression: not valid Unicode"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, text: str, what: str) -> None:
        _, problems = priorities_of({"priorities": text})
        assert [what in each for each in problems] == [True]

    def test_a_config_map_without_the_key(self) -> None:
        found, problems = priorities_of({})
        assert (found, len(problems)) == ({}, 1)
