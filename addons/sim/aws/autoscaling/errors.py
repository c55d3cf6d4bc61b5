"""What Auto Scaling answers instead of a result: code, words and HTTP status."""


class AutoScalingError(Exception):
    """A refused call. `code` is what `ClientError.response["Error"]["Code"]` shows."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> AutoScalingError:
    """The refusal of a parameter's value."""
    return AutoScalingError("ValidationError", message)


def missing(name: str) -> AutoScalingError:
    """The refusal of a call that lacks a parameter."""
    return invalid(
        f"1 validation error detected: Value null at '{name[:1].lower()}{name[1:]}' failed to satisfy "
        "constraint: Member must not be null"
    )


def unknown_parameter(name: str) -> AutoScalingError:
    """The refusal of a parameter that a call does not have."""
    return invalid(f"The parameter {name} is not recognized")


def no_group(name: str) -> AutoScalingError:
    """The refusal of a name that no group has."""
    return invalid(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")


def no_instance(instance_id: str) -> AutoScalingError:
    """The refusal of an instance that no group has."""
    return invalid(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")
