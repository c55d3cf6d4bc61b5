"""Tying interfaces to instances in the simulated EC2, through real boto3: states, limits, and how it ends."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from addons.sim.aws.ec2.agenda import utc_now
from addons.sim.aws.ec2.instances import NewInterface
from addons.sim.aws.ec2.model import Instance
from tests.support.ec2 import Ec2World, ec2_world


@pytest.fixture
async def world() -> AsyncIterator[Ec2World]:
    async with ec2_world() as running:
        yield running


def where(eni: str, instance: Instance, device_index: int = 1, **more: Any) -> dict[str, Any]:
    return {"NetworkInterfaceId": eni, "InstanceId": instance.id, "DeviceIndex": device_index, **more}


async def state(world: Ec2World, eni: str) -> tuple[str, str]:
    described = await world.describe(eni)
    return described["Status"], described.get("Attachment", {}).get("Status", "")


async def set_delete_on_termination(world: Ec2World, eni: str, attachment: str) -> None:
    change = {"AttachmentId": attachment, "DeleteOnTermination": True}
    await world.call("modify_network_interface_attribute", NetworkInterfaceId=eni, Attachment=change)


class TestSlots:
    """An m5.large takes three interfaces, each at a device index of its own."""

    async def test_a_device_index_is_given_once(self, world: Ec2World) -> None:
        instance, first, second = world.launch(), await world.create(), await world.create()
        await world.attach(first, instance)
        for index in (0, 1):
            assert await world.refusal("attach_network_interface", **where(second, instance, index)) == (
                "InvalidParameterValue",
                f"Instance '{instance.id}' already has an interface attached at device index '{index}'.",
            )

    async def test_an_interface_is_tied_once(self, world: Ec2World) -> None:
        instance, eni = world.launch(), await world.create()
        await world.attach(eni, instance)
        for target in (instance, world.launch()):
            assert await world.refusal("attach_network_interface", **where(eni, target, 2)) == (
                "InvalidNetworkInterface.InUse",
                f"Interface: [{eni}] in use.",
            )

    async def test_there_are_no_more_than_the_type_takes(self, world: Ec2World) -> None:
        instance = world.launch("m5.large")
        for index in (1, 2):
            await world.attach(await world.create(), instance, index)
        assert await world.refusal(
            "attach_network_interface", **where(await world.create(), instance, 3)
        ) == (
            "AttachmentLimitExceeded",
            "Interface count 4 exceeds the limit for m5.large",
        )

    async def test_each_network_card_has_its_own(self, world: Ec2World) -> None:
        instance = world.launch("p4d.24xlarge")
        eni = await world.create()
        reply = await world.call("attach_network_interface", **where(eni, instance, 1, NetworkCardIndex=3))
        assert reply["NetworkCardIndex"] == 3
        assert (await world.describe(eni))["Attachment"]["NetworkCardIndex"] == 3
        await world.attach(await world.create(), instance, 1, NetworkCardIndex=0)
        wrong = where(await world.create(), instance, 2, NetworkCardIndex=4)
        assert (await world.refusal("attach_network_interface", **wrong))[0] == "InvalidParameterValue"

    async def test_both_are_in_one_zone(self, world: Ec2World) -> None:
        other = world.ec2.network.create_subnet(world.vpc.id, "10.0.2.0/24", zone="eu-central-1b")
        eni = await world.create(SubnetId=other.id)
        refused = await world.refusal("attach_network_interface", **where(eni, world.launch()))
        assert refused[0] == "InvalidParameterCombination"

    async def test_an_instance_that_ends_takes_none(self, world: Ec2World) -> None:
        world.ec2.knobs.terminate_seconds = 30
        instance, eni = world.launch(), await world.create()
        world.ec2.instances.terminate(instance.id)
        assert (await world.refusal("attach_network_interface", **where(eni, instance)))[
            0
        ] == "IncorrectState"


class TestStates:
    async def test_attaching_takes_as_long_as_told(self, world: Ec2World) -> None:
        world.ec2.knobs.attach_seconds = 3
        eni = await world.create()
        assert await state(world, eni) == ("available", "")
        await world.attach(eni, world.launch())
        assert await state(world, eni) == ("in-use", "attaching")
        world.clock.pass_by(3)
        assert await state(world, eni) == ("in-use", "attached")

    async def test_detaching_takes_as_long_as_told(self, world: Ec2World) -> None:
        world.ec2.knobs.detach_seconds = 2
        eni = await world.create()
        attachment = await world.attach(eni, world.launch())
        await world.call("detach_network_interface", AttachmentId=attachment)
        assert await state(world, eni) == ("in-use", "detaching")
        code, _ = await world.refusal("delete_network_interface", NetworkInterfaceId=eni)
        assert code == "InvalidParameterValue"
        assert (await world.refusal("detach_network_interface", AttachmentId=attachment))[
            0
        ] == "IncorrectState"
        world.clock.pass_by(2)
        assert await state(world, eni) == ("available", "")
        await world.call("delete_network_interface", NetworkInterfaceId=eni)

    async def test_by_force_it_takes_no_time(self, world: Ec2World) -> None:
        world.ec2.knobs.attach_seconds = world.ec2.knobs.detach_seconds = 1000
        eni = await world.create()
        attachment = await world.attach(eni, world.launch())
        assert (await world.refusal("detach_network_interface", AttachmentId=attachment))[
            0
        ] == "IncorrectState"
        await world.call("detach_network_interface", AttachmentId=attachment, Force=True)
        assert await state(world, eni) == ("available", "")
        world.clock.pass_by(1000)
        assert await state(world, eni) == ("available", "")

    async def test_a_new_interface_is_pending_for_a_while(self, world: Ec2World) -> None:
        world.ec2.knobs.pending_seconds = 1
        eni = await world.create()
        assert await state(world, eni) == ("pending", "")
        world.clock.pass_by(1)
        assert await state(world, eni) == ("available", "")

    async def test_where_a_loop_runs_time_passes_by_itself(self, world: Ec2World) -> None:
        plugged: list[str] = []
        world.ec2.agenda.now = utc_now
        world.ec2.knobs.attach_seconds = 0.01
        eni = await world.create()
        world.ec2.feed.listen(
            lambda change: plugged.append(change.after.plugged_into if change.after else "")
        )
        instance = world.launch()
        await world.attach(eni, instance)
        while instance.id not in plugged[-1:]:
            await world.describe(eni)

    async def test_an_instance_runs_after_a_while(self, world: Ec2World) -> None:
        world.ec2.knobs.launch_seconds = 20
        instance = world.launch()
        assert world.ec2.account.instance(instance.id).state == "pending"
        world.clock.pass_by(20)
        reply = await world.call("describe_instances", InstanceIds=[instance.id])
        assert reply["Reservations"][0]["Instances"][0]["State"] == {"Code": 16, "Name": "running"}


class TestEnds:
    async def test_an_interface_in_use_is_not_deleted(self, world: Ec2World) -> None:
        eni = await world.create()
        await world.attach(eni, world.launch())
        assert await world.refusal("delete_network_interface", NetworkInterfaceId=eni) == (
            "InvalidParameterValue",
            f"Network interface '{eni}' is currently in use.",
        )

    async def test_the_primary_interface_stays_where_it_is(self, world: Ec2World) -> None:
        tie = world.primary(world.launch()).attachment
        assert tie is not None
        assert await world.refusal("detach_network_interface", AttachmentId=tie.id) == (
            "OperationNotPermitted",
            "The network interface at device index 0 and networkCard index 0 cannot be detached.",
        )

    async def test_whether_it_goes_with_the_instance_is_remembered(self, world: Ec2World) -> None:
        eni = await world.create()
        attachment = await world.attach(eni, world.launch())
        assert (await world.describe(eni))["Attachment"]["DeleteOnTermination"] is False
        await set_delete_on_termination(world, eni, attachment)
        assert (await world.describe(eni))["Attachment"]["DeleteOnTermination"] is True

    async def test_with_the_instance_go_the_interfaces_that_are_marked(self, world: Ec2World) -> None:
        instance = world.launch()
        marked, unmarked = await world.create(), await world.create()
        await set_delete_on_termination(world, marked, await world.attach(marked, instance, 1))
        await world.attach(unmarked, instance, 2)
        free = await world.free()
        reply = await world.call("terminate_instances", InstanceIds=[instance.id])
        assert reply["TerminatingInstances"][0]["PreviousState"]["Name"] == "running"
        assert await world.found() == [unmarked]
        assert await state(world, unmarked) == ("available", "")
        assert await world.free() == free + 2
        await world.call("delete_network_interface", NetworkInterfaceId=unmarked)

    async def test_they_go_when_it_has_shut_down(self, world: Ec2World) -> None:
        world.ec2.knobs.terminate_seconds = 40
        instance = world.launch()
        await world.call("terminate_instances", InstanceIds=[instance.id])
        assert len(await world.found(attachment__instance_id=instance.id)) == 1
        world.clock.pass_by(40)
        assert await world.found() == []

    @pytest.mark.parametrize(
        ("operation", "arguments", "code"),
        [
            ("attach_network_interface", {"DeviceIndex": 1}, "InvalidNetworkInterfaceID.NotFound"),
            ("delete_network_interface", {}, "InvalidNetworkInterfaceID.NotFound"),
            ("assign_private_ip_addresses", {}, "InvalidNetworkInterfaceID.NotFound"),
            ("unassign_private_ip_addresses", {}, "InvalidNetworkInterfaceID.NotFound"),
        ],
    )
    async def test_what_is_not_there_is_said_to_be_not_there(
        self, world: Ec2World, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        missing = "eni-00000000000000000"
        if operation == "attach_network_interface":
            arguments = arguments | {"InstanceId": world.launch().id}
        assert await world.refusal(operation, NetworkInterfaceId=missing, **arguments) == (
            code,
            f"The networkInterface ID '{missing}' does not exist",
        )

    async def test_an_attachment_that_is_over_is_not_there(self, world: Ec2World) -> None:
        eni = await world.create()
        attachment = await world.attach(eni, world.launch())
        await world.call("detach_network_interface", AttachmentId=attachment)
        gone = ("InvalidAttachmentID.NotFound", f"The attachment ID '{attachment}' does not exist")
        assert await world.refusal("detach_network_interface", AttachmentId=attachment) == gone
        change = {"AttachmentId": attachment, "DeleteOnTermination": True}
        refused = await world.refusal(
            "modify_network_interface_attribute", NetworkInterfaceId=eni, Attachment=change
        )
        assert refused == gone

    async def test_instances_and_subnets_and_groups_too(self, world: Ec2World) -> None:
        eni, missing = await world.create(), "0" * 17
        wrong = {"NetworkInterfaceId": eni, "InstanceId": f"i-{missing}", "DeviceIndex": 1}
        assert (await world.refusal("attach_network_interface", **wrong))[0] == "InvalidInstanceID.NotFound"
        code, _ = await world.refusal("create_network_interface", SubnetId=f"subnet-{missing}")
        assert code == "InvalidSubnetID.NotFound"
        arguments = {"SubnetId": world.subnet.id, "Groups": [f"sg-{missing}"]}
        assert (await world.refusal("create_network_interface", **arguments))[0] == "InvalidGroup.NotFound"


class TestLaunching:
    async def test_an_instance_has_the_interfaces_that_were_asked_for(self, world: Ec2World) -> None:
        nic = {
            "DeviceIndex": 0,
            "SubnetId": world.subnet.id,
            "SecondaryPrivateIpAddressCount": 4,
            "DeleteOnTermination": False,
        }
        reply = await world.call(
            "run_instances", InstanceType="m5.large", MinCount=1, MaxCount=1, NetworkInterfaces=[nic]
        )
        (launched,) = reply["Instances"]
        (eni,) = launched["NetworkInterfaces"]
        assert len(eni["PrivateIpAddresses"]) == 5
        assert eni["Attachment"]["DeleteOnTermination"] is False

    async def test_with_a_subnet_alone_it_has_one_that_goes_with_it(self, world: Ec2World) -> None:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "node"}]}]
        reply = await world.call(
            "run_instances",
            InstanceType="m5.large",
            MinCount=2,
            MaxCount=2,
            SubnetId=world.subnet.id,
            TagSpecifications=tags,
        )
        assert len(reply["Instances"]) == 2
        for launched in reply["Instances"]:
            assert launched["Tags"] == [{"Key": "Name", "Value": "node"}]
            assert launched["NetworkInterfaces"][0]["Attachment"]["DeleteOnTermination"] is True

    async def test_as_many_are_launched_as_there_is_room_for(self) -> None:
        async with ec2_world("10.0.1.0/28") as world:
            arguments = {"InstanceType": "m5.large", "SubnetId": world.subnet.id}
            refused = await world.refusal("run_instances", MinCount=12, MaxCount=12, **arguments)
            assert refused[0] == "InsufficientFreeAddressesInSubnet"
            assert (await world.free(), world.ec2.account.instances.values()) == (11, [])
            reply = await world.call("run_instances", MinCount=1, MaxCount=20, **arguments)
            assert len(reply["Instances"]) == 11

    async def test_a_launch_that_fails_leaves_nothing_behind(self, world: Ec2World) -> None:
        free, eni = await world.free(), await world.create()
        wanted = [NewInterface(world.subnet.id, index) for index in range(3)]
        extra = NewInterface(id=eni, device_index=3)
        with pytest.raises(Exception, match="AttachmentLimitExceeded"):
            world.ec2.instances.launch("m5.large", interfaces=(*wanted, extra))
        assert await world.found() == [eni]
        assert (await state(world, eni), await world.free()) == (("available", ""), free - 1)

    async def test_an_unknown_type_is_refused(self, world: Ec2World) -> None:
        arguments = {"InstanceType": "m5.tiny", "SubnetId": world.subnet.id, "MinCount": 1, "MaxCount": 1}
        assert (await world.refusal("run_instances", **arguments))[0] == "InvalidInstanceType"
