"""The HTTP side of EC2: what each operation takes, what is answered again, and what the knobs do."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from addons.sim.aws.ec2.errors import Ec2Error, invalid, missing, unknown_parameter
from addons.sim.aws.ec2.operations import (
    describe,
    groups,
    instances,
    interfaces,
    launch_templates,
    requirements,
    tags,
)
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.throttle import Throttles
from addons.sim.aws.wire import Wire

Call = dict[str, Any]
WIRE = Wire("ec2", unknown=unknown_parameter, invalid=invalid, missing=missing)


class Operation(NamedTuple):
    """What carries an operation out, and the parameters that it understands."""

    run: Callable[[Ec2, Call], Call]
    takes: str


_PAGED = "Filters MaxResults NextToken"
_TEMPLATE = "LaunchTemplateId LaunchTemplateName"
OPERATIONS: Mapping[str, Operation] = {
    "AssignPrivateIpAddresses": Operation(
        interfaces.assign_private_ip_addresses,
        "NetworkInterfaceId SecondaryPrivateIpAddressCount PrivateIpAddresses Ipv4PrefixCount Ipv4Prefixes "
        "AllowReassignment",
    ),
    "AttachNetworkInterface": Operation(
        interfaces.attach_network_interface, "NetworkInterfaceId InstanceId DeviceIndex NetworkCardIndex"
    ),
    "CreateNetworkInterface": Operation(
        interfaces.create_network_interface,
        "SubnetId Groups Description TagSpecifications PrivateIpAddress PrivateIpAddresses "
        "SecondaryPrivateIpAddressCount Ipv4PrefixCount Ipv4Prefixes InterfaceType ClientToken",
    ),
    "AuthorizeSecurityGroupIngress": Operation(groups.authorize_ingress, groups.RULES_TAKE),
    "CreateLaunchTemplate": Operation(
        launch_templates.create_launch_template,
        "LaunchTemplateName LaunchTemplateData VersionDescription TagSpecifications ClientToken",
    ),
    "CreateLaunchTemplateVersion": Operation(
        launch_templates.create_launch_template_version,
        f"{_TEMPLATE} LaunchTemplateData SourceVersion VersionDescription ClientToken",
    ),
    "CreateSecurityGroup": Operation(
        groups.create_security_group, "GroupName Description VpcId TagSpecifications"
    ),
    "CreateTags": Operation(tags.create_tags, "Resources Tags"),
    "DeleteLaunchTemplate": Operation(launch_templates.delete_launch_template, _TEMPLATE),
    "DeleteNetworkInterface": Operation(interfaces.delete_network_interface, "NetworkInterfaceId"),
    "DeleteSecurityGroup": Operation(groups.delete_security_group, "GroupId"),
    "DeleteTags": Operation(tags.delete_tags, "Resources Tags"),
    "DescribeAvailabilityZones": Operation(
        describe.describe_availability_zones, "ZoneNames ZoneIds AllAvailabilityZones Filters"
    ),
    "DescribeInstanceTypes": Operation(describe.describe_instance_types, f"InstanceTypes {_PAGED}"),
    "DescribeInstances": Operation(describe.describe_instances, f"InstanceIds {_PAGED}"),
    "DescribeLaunchTemplateVersions": Operation(
        launch_templates.describe_launch_template_versions,
        f"{_TEMPLATE} Versions MinVersion MaxVersion ResolveAlias {_PAGED}",
    ),
    "DescribeLaunchTemplates": Operation(
        launch_templates.describe_launch_templates, f"LaunchTemplateIds LaunchTemplateNames {_PAGED}"
    ),
    "DescribeNetworkInterfaces": Operation(
        describe.describe_network_interfaces, f"NetworkInterfaceIds {_PAGED}"
    ),
    "DescribeRouteTables": Operation(describe.describe_route_tables, f"RouteTableIds {_PAGED}"),
    "DescribeSecurityGroupRules": Operation(
        groups.describe_security_group_rules, f"SecurityGroupRuleIds {_PAGED}"
    ),
    "DescribeSecurityGroups": Operation(describe.describe_security_groups, f"GroupIds {_PAGED}"),
    "DescribeSubnets": Operation(describe.describe_subnets, f"SubnetIds {_PAGED}"),
    "DescribeTags": Operation(tags.describe_tags, _PAGED),
    "DescribeVpcs": Operation(describe.describe_vpcs, f"VpcIds {_PAGED}"),
    "DetachNetworkInterface": Operation(interfaces.detach_network_interface, "AttachmentId Force"),
    "GetInstanceTypesFromInstanceRequirements": Operation(
        requirements.get_instance_types_from_instance_requirements,
        "ArchitectureTypes VirtualizationTypes InstanceRequirements MaxResults NextToken",
    ),
    "ModifyLaunchTemplate": Operation(
        launch_templates.modify_launch_template, f"{_TEMPLATE} DefaultVersion ClientToken"
    ),
    "ModifyNetworkInterfaceAttribute": Operation(
        interfaces.modify_network_interface_attribute,
        "NetworkInterfaceId Attachment Description Groups SourceDestCheck",
    ),
    "RevokeSecurityGroupIngress": Operation(
        groups.revoke_ingress, f"SecurityGroupRuleIds {groups.RULES_TAKE}"
    ),
    "RunInstances": Operation(
        instances.run_instances,
        "ImageId InstanceType MinCount MaxCount SubnetId SecurityGroupIds PrivateIpAddress NetworkInterfaces "
        "TagSpecifications ClientToken KeyName UserData MetadataOptions BlockDeviceMappings "
        "IamInstanceProfile EbsOptimized Monitoring Placement CreditSpecification InstanceMarketOptions",
    ),
    "TerminateInstances": Operation(instances.terminate_instances, "InstanceIds"),
    "UpdateSecurityGroupRuleDescriptionsIngress": Operation(
        groups.describe_again, "GroupId IpPermissions SecurityGroupRuleDescriptions"
    ),
    "UnassignPrivateIpAddresses": Operation(
        interfaces.unassign_private_ip_addresses, "NetworkInterfaceId PrivateIpAddresses Ipv4Prefixes"
    ),
}


class Ec2Api:
    """Answers requests from the state, slowed and refused as the knobs say."""

    def __init__(self, ec2: Ec2, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.ec2 = ec2
        self._throttles = Throttles(monotonic)
        self._answered: dict[tuple[str, str], tuple[Call, Call]] = {}

    async def answer(self, operation: str, query: str, request_id: str) -> str:
        """Give the XML of the answer. Raises `Ec2Error`."""
        ec2 = self.ec2
        ec2.calls[operation] += 1
        if not self._throttles.admit(operation, ec2.knobs.rate_limits):
            raise Ec2Error("RequestLimitExceeded", "Request limit exceeded.", 503)
        if ec2.knobs.latency_seconds:
            await ec2.sleep(ec2.knobs.latency_seconds)
        ec2.agenda.settle()
        call = WIRE.read(operation, query)
        if call.pop("DryRun", False):
            message = "Request would have succeeded, but DryRun flag is set."
            raise Ec2Error("DryRunOperation", message, 412)
        return WIRE.write(operation, self._run(operation, call), request_id)

    def _run(self, operation: str, call: Call) -> Call:
        """Run a call, or give the answer again that a call with the same token has had."""
        run, takes = OPERATIONS[operation]
        if unknown := sorted(call.keys() - set(takes.split())):
            raise Ec2Error("UnsupportedOperation", f"{operation} with {', '.join(unknown)} is not simulated")
        token = call.get("ClientToken")
        if not token:
            return run(self.ec2, call)
        asked, answer = self._answered.get((operation, token), (call, {}))
        if asked != call:
            raise Ec2Error(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous "
                "request(s).",
            )
        answer = answer or run(self.ec2, call)
        self._answered[operation, token] = call, answer
        return answer
