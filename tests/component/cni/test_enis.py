"""The interfaces of a node in EC2: what is seen of them, and what each action does."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Network

import pytest

from addons.cni.model.actions import (
    AssignAddresses,
    AssignPrefixes,
    ReleaseAddresses,
    ReleasePrefixes,
    SetSecurityGroups,
)
from addons.runtime.errors import Denied, Exhausted, Invalid, NotFound, Throttled
from addons.sim.aws.ec2.account import RateLimit
from tests.support.cni_aws import Daemon, Node, creation, deletion, ec2_node

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with ec2_node() as running:
        yield running


@pytest.fixture
async def daemon(node: Node) -> AsyncIterator[Daemon]:
    async with node.daemon() as running:
        await running.enis.observe()
        yield running


class TestObserving:
    async def test_the_first_interface_is_seen_as_ec2_has_it(self, node: Node, daemon: Daemon) -> None:
        (eni,) = await daemon.enis.observe()
        there = node.interfaces()[0]
        assert (eni.eni_id, eni.mac, eni.primary_ip) == (there.id, there.mac, there.addresses[0])
        assert eni.is_primary
        assert eni.is_managed
        assert eni.subnet_cidr == IPv4Network("10.0.0.0/24")
        assert eni.security_groups == (node.group,)

    async def test_all_of_the_instance_come_in_one_call_by_index(self, node: Node, daemon: Daemon) -> None:
        made = await daemon.made()
        daemon.session.operations.clear()
        assert [eni.device_index for eni in await daemon.enis.observe()] == [0, 1]
        assert daemon.session.operations == ["describe_network_interfaces"]
        assert (await daemon.enis.observe())[1] == made

    async def test_those_of_other_instances_are_not_seen(self, node: Node, daemon: Daemon) -> None:
        node.ec2.instances.launch("m5.large", node.subnet)
        assert len(await daemon.enis.observe()) == 1

    async def test_the_addresses_of_the_first_one_that_pods_may_have_leave_its_own_out(
        self, node: Node, daemon: Daemon
    ) -> None:
        (eni,) = await daemon.enis.observe()
        await daemon.apply(AssignAddresses(eni_id=eni.eni_id, count=2, because=""))
        (eni,) = await daemon.enis.observe()
        assert len(eni.addresses) == 2
        assert eni.primary_ip not in eni.all_addresses()

    @pytest.mark.parametrize(
        ("tags", "manages_untagged", "is_managed"),
        [
            ({}, True, True),
            ({}, False, False),
            ({"node.k8s.amazonaws.com/no_manage": "true"}, True, False),
            ({"node.k8s.amazonaws.com/no_manage": "false"}, True, True),
            ({"node.k8s.amazonaws.com/instance_id": "i-1"}, False, True),
        ],
    )
    async def test_whose_interface_it_is_tags_and_settings_say(
        self, node: Node, tags: dict[str, str], manages_untagged: bool, is_managed: bool
    ) -> None:
        eni = node.ec2.interfaces.create(node.subnet, tags=tags)
        node.ec2.attachments.attach(eni.id, node.instance.id, 1)
        async with node.daemon(manages_untagged=manages_untagged) as daemon:
            assert [eni.is_managed for eni in await daemon.enis.observe()] == [True, is_managed]

    async def test_one_of_another_network_card_is_none_of_our_business(self) -> None:
        async with ec2_node(instance_type="p4d.24xlarge") as node, node.daemon() as daemon:
            eni = node.ec2.interfaces.create(node.subnet)
            node.ec2.attachments.attach(eni.id, node.instance.id, 1, card_index=1)
            assert [(eni.network_card, eni.is_managed) for eni in await daemon.enis.observe()] == [
                (0, True),
                (1, False),
            ]

    async def test_one_that_is_being_detached_serves_no_pods_any_more(
        self, node: Node, daemon: Daemon
    ) -> None:
        made = await daemon.made()
        node.ec2.knobs.detach_seconds = 60
        node.ec2.attachments.detach(made.attachment_id)
        assert [eni.is_managed for eni in await daemon.enis.observe()] == [True, False]


class TestAddresses:
    async def test_what_ec2_chose_is_told(self, node: Node, daemon: Daemon) -> None:
        applied = await daemon.apply(
            AssignAddresses(eni_id=node.identity.primary_eni_id, count=3, because="")
        )
        (there,) = node.interfaces()
        assert applied.ok
        assert applied.addresses == set(there.addresses[1:])
        assert len(applied.addresses) == 3

    async def test_prefixes_that_ec2_chose_are_told(self, node: Node, daemon: Daemon) -> None:
        applied = await daemon.apply(AssignPrefixes(eni_id=node.identity.primary_eni_id, count=2, because=""))
        (there,) = node.interfaces()
        assert applied.prefixes == set(there.prefixes)
        assert len(applied.prefixes) == 2

    async def test_addresses_go_back(self, node: Node, daemon: Daemon) -> None:
        eni_id = node.identity.primary_eni_id
        gained = (await daemon.apply(AssignAddresses(eni_id=eni_id, count=3, because=""))).addresses
        some = tuple(sorted(gained)[:2])
        assert (await daemon.apply(ReleaseAddresses(eni_id=eni_id, ips=some, because=""))).ok
        (eni,) = await daemon.enis.observe()
        assert eni.addresses == gained - set(some)

    async def test_prefixes_go_back(self, node: Node, daemon: Daemon) -> None:
        eni_id = node.identity.primary_eni_id
        gained = (await daemon.apply(AssignPrefixes(eni_id=eni_id, count=1, because=""))).prefixes
        assert (await daemon.apply(ReleasePrefixes(eni_id=eni_id, prefixes=tuple(gained), because=""))).ok
        assert (await daemon.enis.observe())[0].prefixes == frozenset()

    async def test_a_full_subnet_is_exhausted_and_our_view_is_right(self) -> None:
        async with ec2_node(free=2) as node, node.daemon() as daemon:
            action = AssignAddresses(eni_id=node.identity.primary_eni_id, count=3, because="")
            applied = await daemon.apply(action)
            assert isinstance(applied.error, Exhausted)
            assert not applied.must_observe

    async def test_a_subnet_without_room_for_prefixes_is_exhausted_too(self) -> None:
        async with ec2_node(free=10) as node, node.daemon() as daemon:
            action = AssignPrefixes(eni_id=node.identity.primary_eni_id, count=1, because="")
            applied = await daemon.apply(action)
            assert isinstance(applied.error, Exhausted)
            assert not applied.must_observe
            made = await daemon.create(addresses=0, prefixes=1)
            assert isinstance(made.error, Exhausted)

    async def test_more_than_the_type_holds_shows_that_our_view_is_wrong(self, daemon: Daemon) -> None:
        action = AssignAddresses(eni_id=daemon.node.identity.primary_eni_id, count=30, because="")
        applied = await daemon.apply(action)
        assert isinstance(applied.error, Exhausted)
        assert applied.error.code == "PrivateIpAddressLimitExceeded"
        assert applied.must_observe

    async def test_an_interface_that_is_gone_shows_that_our_view_is_wrong(self, daemon: Daemon) -> None:
        applied = await daemon.apply(AssignAddresses(eni_id="eni-0123456789abcdef0", count=1, because=""))
        assert isinstance(applied.error, NotFound)
        assert applied.must_observe

    async def test_an_address_that_is_gone_shows_that_our_view_is_wrong(self, daemon: Daemon) -> None:
        eni_id = daemon.node.identity.primary_eni_id
        gone = (IPv4Address("10.0.0.77"),)
        applied = await daemon.apply(ReleaseAddresses(eni_id=eni_id, ips=gone, because=""))
        assert isinstance(applied.error, Invalid)
        assert applied.must_observe

    async def test_an_answer_that_is_lost_is_not_asked_for_again_but_looked_at(
        self, node: Node, daemon: Daemon
    ) -> None:
        node.endpoint.faults.add(operation="AssignPrivateIpAddresses", before=False)
        action = AssignAddresses(eni_id=node.identity.primary_eni_id, count=3, because="")
        applied = await daemon.apply(action)
        assert applied.must_observe
        (eni,) = await daemon.enis.observe()
        assert len(eni.addresses) == 3

    async def test_throttling_slows_down_and_succeeds(self, node: Node, daemon: Daemon) -> None:
        node.endpoint.faults.add(operation="AssignPrivateIpAddresses", code="RequestLimitExceeded", times=3)
        action = AssignAddresses(eni_id=node.identity.primary_eni_id, count=3, because="")
        assert len((await daemon.apply(action)).addresses) == 3

    async def test_throttling_that_lasts_is_told_and_changes_no_view(
        self, node: Node, daemon: Daemon
    ) -> None:
        node.ec2.knobs.rate_limits = {"Assign*": RateLimit(0, 0)}
        action = AssignAddresses(eni_id=node.identity.primary_eni_id, count=3, because="")
        applied = await daemon.apply(action)
        assert isinstance(applied.error, Throttled)
        assert not applied.must_observe


class TestCreation:
    async def test_it_is_attached_flagged_tagged_and_described_as_the_original_does(
        self, node: Node, daemon: Daemon
    ) -> None:
        applied = await daemon.create(addresses=4)
        there = node.interfaces()[1]
        assert there.attachment
        assert (there.attachment.status, there.attachment.device_index) == ("attached", 1)
        assert there.attachment.delete_on_termination
        assert there.description == f"aws-K8S-{node.instance.id}"
        assert there.groups == (node.group,)
        assert there.tags == {
            "node.k8s.amazonaws.com/instance_id": node.instance.id,
            "node.k8s.amazonaws.com/createdAt": "2026-01-02T03:04:05Z",
            "cluster.k8s.amazonaws.com/name": "prod",
            "eks:eni:owner": "amazon-vpc-cni",
            "team": "net",
        }
        assert applied.eni
        assert applied.eni.mac == there.mac
        assert applied.addresses == set(there.addresses[1:])
        assert len(applied.addresses) == 4

    async def test_it_takes_three_calls_that_change_something(self, node: Node, daemon: Daemon) -> None:
        await daemon.made()
        assert node.changes() == [
            "CreateNetworkInterface",
            "AttachNetworkInterface",
            "ModifyNetworkInterfaceAttribute",
        ]

    async def test_it_may_have_prefixes(self, node: Node, daemon: Daemon) -> None:
        assert len((await daemon.create(addresses=0, prefixes=2)).prefixes) == 2

    async def test_tags_of_the_settings_do_not_replace_ours(self, node: Node) -> None:
        mine = {"eks:eni:owner": "me", "node.k8s.amazonaws.com/instance_id": "i-1"}
        async with node.daemon(more_tags=mine) as daemon:
            made = await daemon.made()
        assert made.tags["node.k8s.amazonaws.com/instance_id"] == node.instance.id
        assert made.tags["eks:eni:owner"] == "amazon-vpc-cni"

    async def test_without_a_name_of_the_cluster_there_is_no_tag_of_it(self, node: Node) -> None:
        async with node.daemon(cluster="") as daemon:
            assert "cluster.k8s.amazonaws.com/name" not in (await daemon.made()).tags

    async def test_it_waits_until_ec2_shows_it_attached(self, node: Node, daemon: Daemon) -> None:
        node.ec2.knobs.pending_seconds = 2
        node.ec2.knobs.attach_seconds = 6
        node.ec2.knobs.describe_lag_seconds = 3
        assert (await daemon.made()).deletes_on_termination

    async def test_several_at_once_get_indexes_of_their_own(self) -> None:
        async with ec2_node(instance_type="m5.4xlarge") as node, node.daemon() as daemon:
            await daemon.enis.observe()
            await asyncio.gather(*(daemon.made() for _ in range(5)))
            assert [eni.device_index for eni in await daemon.enis.observe()] == [0, 1, 2, 3, 4, 5]

    async def test_an_index_that_somebody_took_meanwhile_is_passed_over(
        self, node: Node, daemon: Daemon
    ) -> None:
        eni = node.ec2.interfaces.create(node.subnet)
        node.ec2.attachments.attach(eni.id, node.instance.id, 1)
        assert (await daemon.made()).device_index == 2

    async def test_a_gap_is_filled_first(self, node: Node, daemon: Daemon) -> None:
        first, _ = await daemon.made(), await daemon.made()
        assert (await daemon.apply(deletion(first))).ok
        assert (await daemon.made()).device_index == 1

    async def test_a_full_subnet_is_passed_over(self, node: Node, daemon: Daemon) -> None:
        other = node.ec2.network.create_subnet(node.vpc.id, "10.0.1.0/24").id
        node.fill(node.subnet, leave=2)
        made = await daemon.made(subnet_ids=(node.subnet, other))
        assert (made.subnet_id, made.subnet_cidr) == (other, IPv4Network("10.0.1.0/24"))

    async def test_when_all_subnets_are_full_the_error_names_them(self, node: Node, daemon: Daemon) -> None:
        node.fill(node.subnet, leave=2)
        applied = await daemon.create()
        assert isinstance(applied.error, Exhausted)
        assert applied.error.message.startswith(f"no room for another interface in {node.subnet}: ")
        assert len(node.interfaces()) == 1

    async def test_one_more_than_the_instance_may_have_is_deleted_again(
        self, node: Node, daemon: Daemon
    ) -> None:
        for _ in range(2):
            await daemon.made()
        applied = await daemon.create()
        assert isinstance(applied.error, Exhausted)
        assert applied.error.code == "AttachmentLimitExceeded"
        assert applied.must_observe
        assert len(node.interfaces()) == 3

    async def test_what_may_not_be_made_costs_one_call(self, node: Node, daemon: Daemon) -> None:
        node.endpoint.faults.add(operation="CreateNetworkInterface", code="UnauthorizedOperation", status=403)
        assert isinstance((await daemon.create()).error, Denied)
        assert node.changes() == ["CreateNetworkInterface"]

    async def test_without_a_subnet_there_is_nothing_to_make_it_in(self, daemon: Daemon) -> None:
        applied = await daemon.apply(creation(daemon.node, subnet_ids=()))
        assert isinstance(applied.error, Invalid)
        assert daemon.node.changes() == []


class TestDeletion:
    async def test_it_is_detached_and_then_deleted(self, node: Node, daemon: Daemon) -> None:
        made = await daemon.made()
        node.ec2.knobs.detach_seconds = 8
        assert (await daemon.apply(deletion(made))).ok
        assert len(node.interfaces()) == 1

    async def test_ec2_that_believes_it_in_use_for_a_while_is_asked_again(
        self, node: Node, daemon: Daemon
    ) -> None:
        made = await daemon.made()
        node.endpoint.faults.add(
            operation="DeleteNetworkInterface",
            code="InvalidParameterValue",
            message="Network interface is currently in use.",
            times=3,
        )
        assert (await daemon.apply(deletion(made))).ok
        assert len(node.interfaces()) == 1

    async def test_one_that_is_gone_already_is_deleted(self, node: Node, daemon: Daemon) -> None:
        made = await daemon.made()
        node.ec2.attachments.detach(made.attachment_id)
        node.ec2.interfaces.delete(made.eni_id)
        assert (await daemon.apply(deletion(made))).ok

    async def test_one_that_somebody_detached_already_is_deleted(self, node: Node, daemon: Daemon) -> None:
        made = await daemon.made()
        node.ec2.attachments.detach(made.attachment_id)
        assert (await daemon.apply(deletion(made))).ok
        assert len(node.interfaces()) == 1

    async def test_one_that_stays_attached_is_told(self, node: Node, daemon: Daemon) -> None:
        made = await daemon.made()
        node.ec2.knobs.detach_seconds = 3600
        applied = await daemon.apply(deletion(made))
        assert applied.error
        assert applied.error.code == "StillDetaching"
        assert applied.must_observe


class TestSecurityGroups:
    async def test_they_are_set(self, node: Node, daemon: Daemon) -> None:
        made = await daemon.made()
        other = node.ec2.network.create_security_group(node.vpc.id, "others").id
        groups = tuple(sorted((node.group, other)))
        assert (await daemon.apply(SetSecurityGroups(eni_id=made.eni_id, groups=groups, because=""))).ok
        assert (await daemon.enis.observe())[1].security_groups == groups
