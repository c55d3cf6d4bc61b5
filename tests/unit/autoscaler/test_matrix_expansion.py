"""Which cells a file of a matrix asks for, what they are like, and what they are called."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler.matrix.expansion import matrix_of
from addons.autoscaler.matrix.names import LONGEST, name_of, region_of
from addons.autoscaler.matrix.spec import spec_of
from addons.autoscaler.model.matrix import Cell
from tests.support.as_matrix import base, cell, example, told

GOLDEN = Path(__file__).parent / "golden"


def ids(changes: dict[int, str] | None = None) -> set[str]:
    return {each.id for each in base(changes).cells}


def row(each: Cell) -> str:
    columns = [
        f"{each.min_size}-{each.max_size}",
        ",".join(f"{key}={value}" for key, value in each.labels.items()),
        ",".join(f"{taint.key}={taint.value}:{taint.effect}" for taint in each.taints) or "-",
        ",".join(f"{key}={value}" for key, value in each.options.items()),
        ",".join(each.subnets),
        spec_of(each).digest[:12],
    ]
    return " ".join([each.name, each.id, *columns])


class TestWhichCells:
    def test_the_example_has_36_cells_and_they_stay_as_they_are(self) -> None:
        """A change of a digest rolls all nodes of all users: it needs a reason."""
        rows = [row(each) for each in example().cells]
        assert len(rows) == 36
        assert "\n".join(rows) + "\n" == (GOLDEN / "matrix_cells.txt").read_text()

    def test_all_combinations_less_the_excluded_ones_with_the_included_ones(self) -> None:
        product = {
            f"{service}/{type_}/{capacity}/{zone}"
            for service in ("web", "jobs")
            for type_ in ("m5.large", "c5.large")
            for capacity in ("on-demand", "spot")
            for zone in ("eu-central-1a", "eu-central-1b")
        }
        excluded = {each for each in product if "c5.large/spot" in each}
        included = {
            f"web/r5.large/{capacity}/eu-central-1{zone}"
            for capacity in ("on-demand", "spot")
            for zone in "ab"
        }
        assert ids() == product - excluded | included

    def test_what_is_included_is_there_although_it_is_excluded(self) -> None:
        changes = {19: "include: [{instanceTypes: c5.large, capacity: spot, services: web, zones: '*1a'}]"}
        assert "web/c5.large/spot/eu-central-1a" in ids(changes)
        assert "web/c5.large/spot/eu-central-1b" not in ids(changes)

    def test_an_include_may_bring_a_service_of_its_own(self) -> None:
        changes = {19: "include: [{services: [db], instanceTypes: r5.large, capacity: on-demand}]"}
        assert {each for each in ids(changes) if each.startswith("db/")} == {
            "db/r5.large/on-demand/eu-central-1a",
            "db/r5.large/on-demand/eu-central-1b",
        }

    def test_capacity_is_on_demand_where_nothing_is_said(self) -> None:
        assert {each.split("/")[2] for each in ids({15: "", 18: ""})} == {"on-demand"}


class TestWhatACellIsLike:
    def test_later_settings_win_over_earlier_ones(self) -> None:
        changes = {
            14: "  instanceTypes: {m5.large: {max: 1, priority: 1, price: 0.1}, c5.large: }",
            15: "  capacity: {on-demand: {max: 2, priority: 2}, spot: }",
            17: "  services: {web: {max: 3}, jobs: }",
            20: "cells:\n- {match: {zones: '*1a'}, set: {max: 4}}\n"
            "- {match: {zones: '*1a', capacity: spot}, set: {max: 5}}",
        }
        found = {each.id: each.max_size for each in base(changes).cells}
        assert found["jobs/c5.large/on-demand/eu-central-1b"] == 2
        assert found["jobs/m5.large/spot/eu-central-1b"] == 1
        assert found["web/m5.large/on-demand/eu-central-1b"] == 3
        assert found["web/m5.large/on-demand/eu-central-1a"] == 4
        assert found["web/m5.large/spot/eu-central-1a"] == 5
        both = cell("web/m5.large/on-demand/eu-central-1a", base(changes))
        assert both.options == {"priority": "2", "price": "0.1"}

    def test_mappings_are_merged_key_by_key_and_lists_replaced(self) -> None:
        services = "{web: {labels: {a: b, team: ~}, taints: [], kernel: {fs.file-max: 7}}, jobs: }"
        found = cell("web/m5.large/spot/eu-central-1a", base({17: f"  services: {services}"}))
        assert found.labels == {"a": "b"}
        assert found.taints == ()
        assert found.kernel == {"fs.file-max": "7", "vm.swappiness": "1"}

    def test_a_zone_has_one_subnet_or_several(self) -> None:
        assert cell("web/m5.large/spot/eu-central-1a").subnets == ("subnet-1",)
        assert cell("web/m5.large/spot/eu-central-1b").subnets == ("subnet-2", "subnet-3")

    def test_options_are_written_as_their_tags_are_read(self) -> None:
        line = (
            "  image: ami-1\n  utilizationThreshold: 1e-05\n  gpuUtilizationThreshold: 1\n"
            "  ignoreDaemonsets: true\n  unneededTime: 90s\n  unreadyTime: 1h\n  maxStep: 5\n"
            "  maxNodeProvisionTime: 20m"
        )
        assert cell("web/m5.large/spot/eu-central-1a", base({4: line})).options == {
            "scaledownutilizationthreshold": "0.00001",
            "scaledowngpuutilizationthreshold": "1",
            "ignoredaemonsetsutilization": "true",
            "scaledownunneededtime": "90s",
            "scaledownunreadytime": "1h",
            "maxstep": "5",
            "maxnodeprovisiontime": "20m",
        }

    def test_an_image_by_a_parameter_is_looked_up_once_for_all(self) -> None:
        matrix = base({4: "  image: ssm:/aws/service/eks/image_id"})
        assert matrix.parameters == ("/aws/service/eks/image_id",)
        with pytest.raises(ValueError, match="no image is known by the parameters of SSM: /aws/service/eks"):
            matrix.with_images({})
        known = matrix.with_images({"/aws/service/eks/image_id": "ami-7"})
        assert {each.image for each in known.cells} == {"ami-7"}
        assert known.parameters == ()

    def test_an_image_that_aws_looks_up_stays_as_it_is(self) -> None:
        matrix = base({4: "  image: resolve:ssm:/aws/image"})
        assert matrix.parameters == ()
        assert matrix.cells[0].image == "resolve:ssm:/aws/image"


class TestNames:
    def test_a_name_tells_cluster_service_type_capacity_and_zone(self) -> None:
        assert name_of("prod", "web", "m5.large", "on-demand", "eu-central-1a") == "prod-web-m5-large-od-a"
        assert (
            name_of("prod", "web", "m5.large", "spot", "us-west-2-lax-1a") == "prod-web-m5-large-spot-lax-1a"
        )

    def test_a_name_begins_with_a_letter(self) -> None:
        assert name_of("1_prod", "web", "m5.large", "spot", "eu-central-1a") == "k-1-prod-web-m5-large-spot-a"

    def test_a_name_that_is_too_long_ends_with_a_hash_of_all(self) -> None:
        names = {name_of("c" * 100, "s" * 60, "m5.large", "spot", f"eu-central-1{zone}") for zone in "abc"}
        assert {len(each) for each in names} == {LONGEST}
        assert len(names) == 3

    @pytest.mark.parametrize(
        ("zone", "region"),
        [
            ("eu-central-1a", "eu-central-1"),
            ("us-west-2-lax-1a", "us-west-2"),
            ("us-gov-west-1b", "us-gov-west-1"),
        ],
    )
    def test_a_zone_tells_its_region(self, zone: str, region: str) -> None:
        assert region_of(zone) == region


WORDS = st.from_regex(r"\A[A-Za-z0-9][-A-Za-z0-9_.]{0,70}\Z").filter(lambda word: len(word) <= 63)
TYPES = st.from_regex(r"\A[a-z]{1,3}[0-9]{1,2}\.(large|[0-9]{1,2}xlarge)\Z")
ZONES = st.sampled_from([f"eu-central-1{zone}" for zone in "abcdef"] + ["eu-central-1-ham-1a"])
FILES = st.fixed_dictionaries(
    {
        "matrix": st.just("shop"),
        "cluster": st.from_regex(r"\A[A-Za-z0-9][-A-Za-z0-9_]{0,99}\Z"),
        "defaults": st.just({"image": "ami-1", "max": 5}),
        "dimensions": st.fixed_dictionaries(
            {
                "instanceTypes": st.lists(TYPES, min_size=1, max_size=4, unique=True),
                "capacity": st.sampled_from([["on-demand"], ["spot"], ["on-demand", "spot"]]),
                "zones": st.dictionaries(ZONES, st.just("subnet-1"), min_size=1, max_size=4),
                "services": st.lists(WORDS, min_size=1, max_size=4, unique=True),
            }
        ),
    }
)


def shuffled(file: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same with everything in another order."""
    draw = random.Random(seed)
    dimensions = {key: file["dimensions"][key] for key in draw.sample(list(file["dimensions"]), 4)}
    for key, values in dimensions.items():
        mixed = draw.sample(list(values), len(values))
        dimensions[key] = {each: values[each] for each in mixed} if isinstance(values, dict) else mixed
    found = {**file, "dimensions": dimensions}
    return {key: found[key] for key in draw.sample(list(found), len(found))}


class TestAnyFile:
    @settings(max_examples=40, deadline=None)
    @given(file=FILES, seed=st.integers(0, 1000))
    def test_names_are_unique_and_the_order_in_the_file_does_not_matter(
        self, file: dict[str, Any], seed: int
    ) -> None:
        """Where two cells would have one name, nothing is made, and both are named.

        JSON is YAML in which texts are quoted: 0E0 would be a number.
        """
        text = json.dumps(file)
        if clashes := told(text):
            assert all("would both be named" in each for each in clashes)
            return
        matrix = matrix_of(text, "a.yaml")
        names = [each.name for each in matrix.cells]
        dimensions = file["dimensions"]
        assert len(set(names)) == len(names)
        assert len(names) == len(dimensions["services"]) * len(dimensions["instanceTypes"]) * len(
            dimensions["capacity"]
        ) * len(dimensions["zones"])
        assert all(len(name) <= LONGEST and name[0].isalpha() and name.isascii() for name in names)
        assert all(name.replace("-", "").isalnum() for name in names)
        assert matrix_of(json.dumps(shuffled(file, seed)), "a.yaml") == matrix
