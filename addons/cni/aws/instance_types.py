"""What the node's type of instance can hold: by our table, or by EC2 where the type is newer."""

from addons.cni.model.enis import InstanceLimits
from addons.instance_types.network import TypeNetwork, network_from_api
from addons.instance_types.table import find
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound, Unavailable


async def read_limits(aws: AwsSession, instance_type: str) -> InstanceLimits:
    """What a type of instance can hold. Raises OutsideError, Invalid or NotFound for an unknown one."""
    network = find(instance_type) or await _ask(aws, instance_type)
    return InstanceLimits(network.enis, network.addresses_per_eni, network.has_prefixes)


async def _ask(aws: AwsSession, instance_type: str) -> TypeNetwork:
    reply = await aws.call("ec2", "describe_instance_types", InstanceTypes=[instance_type])
    if not reply["InstanceTypes"]:
        raise NotFound(f"{instance_type}: EC2 does not know this type", code="InvalidInstanceType")
    try:
        return network_from_api(reply["InstanceTypes"][0])
    except (KeyError, ValueError) as error:
        raise Unavailable(f"{instance_type}: not what EC2 should say of a type: {error}") from error
