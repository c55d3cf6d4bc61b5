"""One instance more: in which zone, of which type, spot or not, and why it could not be launched."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from addons.sim.aws.autoscaling.account import Account
from addons.sim.aws.autoscaling.failures import (
    INVALID_TEMPLATE,
    OUT_OF_CAPACITY,
    SPOT_UNFULFILLABLE,
    SUBNET_FULL,
    LaunchError,
    launch_error,
)
from addons.sim.aws.autoscaling.model import Group, Member, Override, TemplateRef
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.ec2.instance_types import descriptions
from addons.sim.aws.ec2.model import Subnet
from addons.sim.aws.ec2.operations.interfaces import read_tags
from addons.sim.aws.ec2.operations.launch_templates import resolve
from addons.sim.aws.ec2.requirements import matching_types

_SPOT_CODES = (OUT_OF_CAPACITY, SPOT_UNFULFILLABLE)


class Launcher:
    """Launches instances of groups. Everything that keeps one from starting raises `LaunchError`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def zones(self, group: Group) -> list[Subnet]:
        """The subnets of a group, first where the fewest instances are, then by free addresses."""
        ec2 = self._account.ec2.account
        there = Counter(member.zone for member in group.members.values() if not member.is_leaving)
        subnets = [ec2.subnets[id_] for id_ in group.subnets if id_ in ec2.subnets]
        order = {subnet.id: number for number, subnet in enumerate(subnets)}
        return sorted(subnets, key=lambda each: (there[each.zone], -ec2.spaces[each.id].free, order[each.id]))

    def launch(self, group: Group, subnet: Subnet) -> Member:
        """Launch one instance in a subnet, of the first type that can be had."""
        is_spot = self._is_next_spot(group)
        failure: LaunchError | None = None
        for override, data, template in self._candidates(group):
            try:
                return self._launch(group, subnet, override, data, template, is_spot=is_spot)
            except LaunchError as error:
                failure = error
        assert failure is not None
        raise failure

    def _launch(
        self,
        group: Group,
        subnet: Subnet,
        override: Override,
        data: Mapping[str, Any],
        template: TemplateRef | None,
        *,
        is_spot: bool,
    ) -> Member:
        account, ec2 = self._account, self._account.ec2
        type_, image = override.type, data.get("ImageId", "ami-0abcdef1234567890")
        is_spot = is_spot or data.get("InstanceMarketOptions", {}).get("MarketType") == "spot"
        about = {"type_": type_, "zone": subnet.zone, "subnet": subnet.id, "image": image}
        for order in account.failing:
            if order.meets(group.name, type_, subnet.zone, ec2.agenda.time()):
                code = SPOT_UNFULFILLABLE if is_spot and order.code in _SPOT_CODES else order.code
                raise launch_error(code, **about)
        propagated = {key: tag.value for key, tag in group.tags.items() if tag.is_propagated}
        propagated["aws:autoscaling:groupName"] = group.name
        try:
            tags = {**read_tags(dict(data), "instance"), **propagated}
            instance = ec2.instances.launch(
                type_, subnet.id, groups=_groups(data), tags=tags, image_id=image, is_spot=is_spot
            )
        except Ec2Error as error:
            is_full = error.code == "InsufficientFreeAddressesInSubnet"
            raise launch_error(SUBNET_FULL if is_full else error.message, **about) from None
        lifecycle = "spot" if is_spot else ""
        weight = override.weight
        return Member(instance.id, type_, subnet.zone, subnet.id, template, weight, lifecycle)

    def _is_next_spot(self, group: Group) -> bool:
        """Whether the next instance is above the on-demand base, and spot by the percentage."""
        if group.mix is None:
            return False
        there = [member for member in group.members.values() if not member.is_leaving]
        on_demand = sum(member.weight for member in there if not member.lifecycle)
        above = max(0, group.capacity + 1 - group.mix.on_demand_base)
        wanted = group.mix.on_demand_base + -(-above * group.mix.on_demand_percent // 100)
        return on_demand >= wanted

    def _candidates(self, group: Group) -> list[tuple[Override, Mapping[str, Any], TemplateRef | None]]:
        """The types of a group in its order, each with the data of its template."""
        if group.launch_configuration:
            made = self._account.launch_configurations[group.launch_configuration]
            market = {"InstanceMarketOptions": {"MarketType": "spot"}} if made.spot_price else {}
            return [(Override(made.type), {"ImageId": made.image_id, **market}, None)]
        if group.mix is None:
            assert group.template is not None
            template, data = self._template(group.template)
            return [(_checked(Override(data.get("InstanceType", "m1.small"))), data, template)]
        found: list[tuple[Override, Mapping[str, Any], TemplateRef | None]] = []
        for override in group.mix.overrides or (Override(""),):
            template, data = self._template(override.template or group.mix.template)
            types = [override.type] if not override.requirements else matching_types(override.requirements)
            for type_ in types:
                named = Override(type_ or data.get("InstanceType", "m1.small"), override.weight)
                found.append((_checked(named), data, template))
        if not found:
            raise launch_error("No instance type matches the requirements.")
        return found

    def _template(self, reference: TemplateRef) -> tuple[TemplateRef, Mapping[str, Any]]:
        try:
            template = self._account.ec2.account.launch_template(reference.id, reference.name)
            number = resolve(template, reference.version)
        except Ec2Error as error:
            raise launch_error(error.message) from None
        data = template.versions[number]
        if data.get("ImageId", "").startswith("ami-missing"):
            raise launch_error(INVALID_TEMPLATE, image=data["ImageId"])
        return TemplateRef(template.id, template.name, str(number)), data


def _checked(override: Override) -> Override:
    if override.type not in descriptions():
        raise launch_error(
            f"The requested configuration is currently not supported: invalid instance type {override.type}."
        )
    return override


def _groups(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(data.get("SecurityGroupIds", ()))
