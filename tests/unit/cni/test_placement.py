"""Where interfaces for pods are made."""

from ipaddress import IPv4Address
from typing import Any

from msgspec.structs import replace

from addons.cni.desired.placement import (
    eni_config_name,
    placed_by_eni_config,
    placed_by_node,
)
from addons.cni.model.enis import NodeIdentity, Subnet
from addons.cni.model.objects import EniConfig, EniConfigSpec, Node
from addons.cni.model.pool import Placement
from addons.runtime.objects import ObjectMeta
from tests.support.cni_pool import subnet

NODE = NodeIdentity(
    instance_id="i-1",
    instance_type="m5.large",
    region="eu-west-1",
    availability_zone="eu-west-1a",
    vpc_id="vpc-1",
    primary_mac="02:00:00:00:00:01",
    primary_eni_id="eni-0",
    primary_ip=IPv4Address("10.0.0.4"),
    subnet_id="subnet-1",
    security_groups=("sg-1",),
)


class TestLikeTheNode:
    def test_without_discovery_it_is_the_nodes_subnet(self) -> None:
        assert placed_by_node(NODE) == Placement(subnet_ids=("subnet-1",), security_groups=("sg-1",))

    def test_the_emptiest_of_those_discovered_comes_first(self) -> None:
        found = [subnet("subnet-1", 5), subnet("b", 9), subnet("a", 9)]
        assert placed_by_node(NODE, found).subnet_ids == ("a", "b", "subnet-1")

    def test_the_first_interface_serves_no_pods_when_its_subnet_does_not(self) -> None:
        placement = placed_by_node(NODE, [subnet("b")])
        assert (placement.primary_serves, placement.problem) == (False, "")

    def test_without_any_subnet_it_says_so(self) -> None:
        placement = placed_by_node(NODE, [])
        assert placement.subnet_ids == ()
        assert placement.problem == "no subnet of vpc-1 in eu-west-1a serves pods"


class TestName:
    def name(self, labels: dict[str, str], annotations: dict[str, str]) -> str:
        node = Node(metadata=ObjectMeta(name="node-1", labels=labels, annotations=annotations))
        return eni_config_name(node, annotation="ann", label="zone")

    def test_the_annotation_wins_over_the_label(self) -> None:
        assert self.name({"zone": "b"}, {"ann": "a"}) == "a"
        assert self.name({"zone": "b"}, {}) == "b"

    def test_the_label_of_other_controllers_wins(self) -> None:
        assert self.name({"vpc.amazonaws.com/externalEniConfig": "c", "zone": "b"}, {"ann": "a"}) == "c"

    def test_a_node_that_names_none_has_the_default(self) -> None:
        assert self.name({}, {}) == "default"
        assert eni_config_name(None, annotation="ann", label="zone") == "default"


class TestEniConfig:
    CONFIG = EniConfig(
        metadata=ObjectMeta(name="a"), spec=EniConfigSpec(subnet="pods", security_groups=("sg-2",))
    )

    def place(self, config: EniConfig, **subnets: Any) -> Placement:
        return placed_by_eni_config("a", {"a": config}, NODE, subnets)

    def test_interfaces_are_made_as_it_says(self) -> None:
        placement = self.place(self.CONFIG)
        assert (placement.subnet_ids, placement.security_groups) == (("pods",), ("sg-2",))
        assert (placement.is_custom, placement.primary_serves) == (True, False)

    def test_what_it_leaves_out_is_the_nodes(self) -> None:
        placement = self.place(EniConfig(metadata=ObjectMeta(name="a")))
        assert (placement.subnet_ids, placement.security_groups) == (("subnet-1",), ("sg-1",))

    def test_a_missing_one_makes_none_and_says_so(self) -> None:
        placement = placed_by_eni_config("z", {}, NODE, {})
        assert (placement.subnet_ids, placement.reason) == ((), "EniConfigMissing")
        assert placement.problem == "ENIConfig z, which this node asks for, does not exist"
        assert placement.is_custom

    def test_a_subnet_of_another_zone_or_vpc_is_refused(self) -> None:
        far: Subnet = replace(subnet("pods"), availability_zone="eu-west-1b", vpc_id="vpc-1")
        other = replace(subnet("pods"), vpc_id="vpc-2")
        assert self.place(self.CONFIG, pods=far).reason == "InvalidEniConfig"
        assert self.place(self.CONFIG, pods=far).problem == (
            "ENIConfig a: subnet pods is in eu-west-1b, this node in eu-west-1a"
        )
        assert self.place(self.CONFIG, pods=other).problem == (
            "ENIConfig a: subnet pods is in vpc-2, this node in vpc-1"
        )
