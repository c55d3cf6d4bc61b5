"""The template of a cell for CloudFormation, and the digests by which stacks are compared."""

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint import ManualArgs
from cfnlint.api import lint
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler import names
from addons.autoscaler.matrix.launch import launch_data
from addons.autoscaler.matrix.spec import parts_in, spec_of
from addons.autoscaler.matrix.tags import MOST, STACK_TAGS, group_tags, instance_tags, stack_tags
from addons.autoscaler.matrix.template import MOST_BYTES, body_of, template_of
from addons.autoscaler.model.matrix import BlockDevice, Cell
from addons.autoscaler.model.pods import Taint
from tests.support.as_matrix import base, cell, example

GOLDEN = Path(__file__).parent / "golden"
SPOT, ON_DEMAND = "web/m5.large/spot/eu-central-1a", "web/m5.large/on-demand/eu-central-1a"


def made(of: Cell) -> dict[str, Any]:
    return template_of(of, spec_of(of).launch)


def resource(of: Cell, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = made(of)["Resources"][name]["Properties"]
    return properties


def data(of: Cell) -> dict[str, Any]:
    found: dict[str, Any] = resource(of, "LaunchTemplate")["LaunchTemplateData"]
    return found


TEXTS = st.text("abc.-/:=@ ", max_size=12)
CELLS = st.builds(
    cell,
    st.sampled_from(sorted(each.id for each in base().cells)),
    st.just(base()),
    min_size=st.integers(0, 5),
    max_size=st.integers(5, 9),
    labels=st.dictionaries(TEXTS, TEXTS, max_size=4),
    taints=st.lists(st.builds(Taint, TEXTS, TEXTS), max_size=3).map(tuple),
    options=st.dictionaries(st.sampled_from(["priority", "price"]), TEXTS),
    tags=st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=3),
    user_data=TEXTS,
    key_name=TEXTS,
    instance_profile=st.sampled_from(["", "node", "arn:aws:iam::1:instance-profile/node"]),
    security_groups=st.sampled_from([(), ("sg-1",)]),
    spot_price=st.none() | st.floats(0, 10),
    block_devices=st.lists(st.builds(BlockDevice, TEXTS, st.integers(0, 9)), max_size=2).map(tuple),
    keeps=st.booleans(),
)


class TestWhatHoldsOfEveryCell:
    @settings(max_examples=60, deadline=None)
    @given(of=CELLS)
    def test_what_must_never_be_otherwise(self, of: Cell) -> None:
        group, hook = resource(of, "Group"), resource(of, "DrainHook")
        assert "DesiredCapacity" not in json.dumps(made(of))
        assert data(of)["MetadataOptions"] == {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
        }
        assert group["AutoScalingGroupName"] == of.name
        assert group["AvailabilityZones"] == [of.zone]
        assert (group["MinSize"], group["MaxSize"]) == (str(of.min_size), str(of.max_size))
        assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
        assert hook["AutoScalingGroupName"] == {"Ref": "Group"}
        assert ("InstanceMarketOptions" in data(of)) == (of.capacity == "spot")
        keys = [each["Key"] for each in group["Tags"]]
        assert len(set(keys)) == len(keys)
        assert {"k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/prod"} <= set(keys)

    @settings(max_examples=60, deadline=None)
    @given(of=CELLS, other=CELLS)
    def test_two_cells_have_one_digest_when_they_ask_for_the_same(self, of: Cell, other: Cell) -> None:
        is_same = (body_of(made(of)), of.keeps) == (body_of(made(other)), other.keeps)
        assert (spec_of(of).digest == spec_of(other).digest) == is_same
        assert (spec_of(of).launch == spec_of(other).launch) == (launch_data(of) == launch_data(other))

    @pytest.mark.parametrize("of", example().cells, ids=lambda of: of.name)
    def test_it_fits_into_what_aws_takes(self, of: Cell) -> None:
        tags = stack_tags(of, spec_of(of), "1.0")
        assert len(body_of(made(of)).encode()) < MOST_BYTES
        assert len(tags) <= STACK_TAGS
        assert len(tags) + len(group_tags(of)) + len(instance_tags(of)) <= MOST
        assert all(len(key) <= 128 and len(value) <= 256 for key, value in tags.items())
        assert tags["aws-addons.io/cell"] == of.id

    def test_the_tag_with_the_parts_fits_when_all_of_them_are_there(self) -> None:
        of = cell(
            SPOT,
            min_size=9_999,
            max_size=10_000,
            image="ami-0123456789abcdef0",
            spot_price=1.0,
            resources={"a": "1"},
            keeps=True,
            block_devices=(BlockDevice("a"),),
        )
        assert "none" not in spec_of(of).parts.replace("options=none", "").replace("tags=none", "").replace(
            "access=none", ""
        )
        assert len(spec_of(of).parts) <= 256


class TestTheExample:
    @pytest.mark.parametrize("name", ["prod-jobs-c5-large-spot-c", "prod-web-m5-large-od-a"])
    def test_a_template_is_as_it_was(self, name: str) -> None:
        """A change of it updates, and perhaps rolls, all groups of all users: it needs a reason."""
        (of,) = (each for each in example().cells if each.name == name)
        text = json.dumps(made(of), indent=1, sort_keys=True) + "\n"
        assert text == (GOLDEN / f"matrix_{name}.json").read_text()


class TestLaunches:
    def test_spot_is_asked_for_once_so_that_the_group_replaces_it(self) -> None:
        assert data(cell(SPOT, spot_price=0.05))["InstanceMarketOptions"] == {
            "MarketType": "spot",
            "SpotOptions": {
                "SpotInstanceType": "one-time",
                "InstanceInterruptionBehavior": "terminate",
                "MaxPrice": "0.05",
            },
        }

    def test_a_volume_has_what_was_said_of_it_and_goes_with_its_instance(self) -> None:
        device = BlockDevice("/dev/xvda", 50, "gp3", 3000, 250, key="alias/a")
        assert data(cell(SPOT, block_devices=(device,)))["BlockDeviceMappings"] == [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "VolumeSize": 50,
                    "VolumeType": "gp3",
                    "Iops": 3000,
                    "Throughput": 250,
                    "Encrypted": True,
                    "KmsKeyId": "alias/a",
                    "DeleteOnTermination": True,
                },
            }
        ]

    def test_a_profile_is_named_or_given_by_its_arn(self) -> None:
        arn = "arn:aws:iam::1:instance-profile/node"
        assert data(cell(SPOT, instance_profile="node"))["IamInstanceProfile"] == {"Name": "node"}
        assert data(cell(SPOT, instance_profile=arn))["IamInstanceProfile"] == {"Arn": arn}

    def test_an_instance_bears_the_digest_of_its_launch(self) -> None:
        instance, volume = data(cell(SPOT, tags={"cost": "7"}))["TagSpecifications"]
        launch = spec_of(cell(SPOT)).launch
        assert instance == {
            "ResourceType": "instance",
            "Tags": [{"Key": "aws-addons.io/launched-from", "Value": launch}],
        }
        assert {"Key": "cost", "Value": "7"} in volume["Tags"]

    def test_the_group_uses_the_newest_version(self) -> None:
        assert resource(cell(SPOT), "Group")["LaunchTemplate"] == {
            "LaunchTemplateId": {"Ref": "LaunchTemplate"},
            "Version": {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]},
        }


class TestWhatMakesInstancesDiffer:
    @pytest.mark.parametrize(
        "changes",
        [
            {"image": "ami-2"},
            {"user_data": "other"},
            {"key_name": "a"},
            {"instance_profile": "a"},
            {"security_groups": ("sg-2",)},
            {"block_devices": (BlockDevice("/dev/xvdb"),)},
            {"spot_price": 1.0},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_what_they_are_launched_from(self, changes: dict[str, Any]) -> None:
        assert spec_of(cell(SPOT, **changes)).launch != spec_of(cell(SPOT)).launch

    @pytest.mark.parametrize(
        "changes",
        [
            {"min_size": 1},
            {"max_size": 7},
            {"options": {"priority": "7"}},
            {"tags": {"a": "b"}},
            {"resources": {"a": "1"}},
            {"subnets": ("subnet-9",)},
            {"heartbeat_seconds": 60},
            {"keeps": True},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_what_only_the_group_has_does_not(self, changes: dict[str, Any]) -> None:
        before, after = spec_of(cell(SPOT)), spec_of(cell(SPOT, **changes))
        assert after.launch == before.launch
        assert after.digest != before.digest
        differing = parts_in(before.parts).items() ^ parts_in(after.parts).items()
        assert len({name for name, _ in differing}) == 1

    def test_a_price_of_spot_does_not_matter_on_demand(self) -> None:
        assert spec_of(cell(ON_DEMAND, spot_price=1.0)).digest == spec_of(cell(ON_DEMAND)).digest


class TestParts:
    @pytest.mark.parametrize("image", ["ami-1", "ami-0123456789abcdef0"])
    def test_an_image_is_told_in_full(self, image: str) -> None:
        assert parts_in(spec_of(cell(SPOT, image=image)).parts)["image"] == image

    @pytest.mark.parametrize("image", ["ami-0123456789abcdef01", "resolve:ssm:/a"])
    def test_unless_the_tag_would_be_too_long(self, image: str) -> None:
        assert len(parts_in(spec_of(cell(SPOT, image=image)).parts)["image"]) == 6


class TestTagsOfTheStack:
    def test_they_tell_a_plan_all_that_it_needs(self) -> None:
        of, spec = cell(SPOT, keeps=True), spec_of(cell(SPOT, keeps=True))
        assert stack_tags(of, spec, "1.0") == {
            names.MATRIX_TAG: "shop",
            names.MATRIX_CLUSTER_TAG: "prod",
            names.CELL_TAG: SPOT,
            names.SPEC_TAG: spec.digest,
            names.LAUNCH_TAG: spec.launch,
            names.PARTS_TAG: spec.parts,
            names.KEEP_TAG: "true",
            names.TOOL_TAG: "1.0",
        }


class TestWhatCloudFormationSays:
    """Its own linter knows every property and every value of the resources."""

    @pytest.mark.parametrize("id_", [SPOT, ON_DEMAND])
    def test_it_has_nothing_against_a_template_with_everything_in_it(self, id_: str) -> None:
        device = BlockDevice("/dev/xvda", 50, "gp3", 3000, 250, key="alias/a")
        of = cell(
            id_,
            image="ami-0123456789abcdef0",
            subnets=("subnet-0123456789abcdef0",),
            security_groups=("sg-0123456789abcdef0",),
            key_name="admin",
            instance_profile="node",
            block_devices=(device,),
            spot_price=0.05,
            tags={"cost": "7"},
            options={"priority": "7"},
        )
        assert self.told(made(of)) == []

    def test_it_does_not_take_everything(self) -> None:
        template = made(cell(SPOT))
        template["Resources"]["Group"]["Properties"]["MaxSize"] = "many"
        assert self.told(template) != []

    def told(self, template: dict[str, Any]) -> list[str]:
        config = ManualArgs(regions=["eu-central-1"], ignore_checks=["W3010"])  # that zones are written down
        return [str(each) for each in lint(body_of(template), config=config)]
