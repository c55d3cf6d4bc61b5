"""GetInstanceTypesFromInstanceRequirements: the types that have certain attributes."""

from typing import Any

from addons.sim.aws.ec2.filters import page
from addons.sim.aws.ec2.requirements import matching_types
from addons.sim.aws.ec2.state import Ec2

Call = dict[str, Any]


def get_instance_types_from_instance_requirements(ec2: Ec2, call: Call) -> Call:
    """Show the names of the types that fit."""
    found = matching_types(
        call["InstanceRequirements"],
        architectures=call["ArchitectureTypes"],
        virtualization=call["VirtualizationTypes"],
    )
    shown, following = page(found, call, lambda name: name, largest=1000)
    return {"InstanceTypes": [{"InstanceType": name} for name in shown], "NextToken": following}
