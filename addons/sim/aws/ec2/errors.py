"""What EC2 answers instead of a result: code, words and HTTP status, as the real one has them."""


class Ec2Error(Exception):
    """A refused call. `code` is what `ClientError.response["Error"]["Code"]` shows."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


_KINDS = {
    "eni": ("InvalidNetworkInterfaceID.NotFound", "networkInterface ID"),
    "eni-attach": ("InvalidAttachmentID.NotFound", "attachment ID"),
    "i": ("InvalidInstanceID.NotFound", "instance ID"),
    "subnet": ("InvalidSubnetID.NotFound", "subnet ID"),
    "vpc": ("InvalidVpcID.NotFound", "vpc ID"),
    "rtb": ("InvalidRouteTableID.NotFound", "routeTable ID"),
    "sg": ("InvalidGroup.NotFound", "security group"),
}


def not_found(kind: str, *ids: str) -> Ec2Error:
    """The refusal of ids that nothing has; `kind` is how the ids begin, e.g. `eni`."""
    code, noun = _KINDS[kind]
    if len(ids) > 1:
        return Ec2Error(code, f"The {noun}s '{', '.join(ids)}' do not exist")
    return Ec2Error(code, f"The {noun} '{ids[0]}' does not exist")


def no_launch_template(id_: str, name: str) -> Ec2Error:
    """The refusal of a launch template that is not there, by its id or by its name."""
    if id_:
        message = f"The specified launch template, with template ID {id_}, does not exist."
        return Ec2Error("InvalidLaunchTemplateId.NotFound", message)
    message = f"The specified launch template, with template name {name}, does not exist."
    return Ec2Error("InvalidLaunchTemplateName.NotFoundException", message)


def no_launch_template_version(id_: str, version: str) -> Ec2Error:
    """The refusal of a version that a launch template does not have."""
    message = f"Could not find the specified version {version} for the launch template with ID {id_}."
    return Ec2Error("InvalidLaunchTemplateId.VersionNotFound", message)


def invalid(message: str) -> Ec2Error:
    """The refusal of a parameter's value."""
    return Ec2Error("InvalidParameterValue", message)


def conflicting(message: str) -> Ec2Error:
    """The refusal of parameters that do not go together."""
    return Ec2Error("InvalidParameterCombination", message)


def missing(name: str) -> Ec2Error:
    """The refusal of a call that lacks a parameter."""
    return Ec2Error("MissingParameter", f"The request must contain the parameter {name}")


def no_free_address() -> Ec2Error:
    """The refusal of single addresses that a subnet does not have."""
    return Ec2Error(
        "InsufficientFreeAddressesInSubnet",
        "The specified subnet does not have enough free addresses to satisfy the request.",
    )


def no_free_prefix(*, is_full: bool) -> Ec2Error:
    """The refusal of prefixes: there are too few addresses, or enough, but not in whole blocks."""
    if is_full:
        return invalid("There aren't sufficient free Ipv4 addresses or prefixes")
    return Ec2Error(
        "InsufficientCidrBlocks",
        "The specified subnet does not have enough free cidr blocks to satisfy the request.",
    )


def unknown_parameter(name: str) -> Ec2Error:
    """The refusal of a parameter that a call does not have."""
    return Ec2Error("UnknownParameter", f"The parameter {name} is not recognized")
