"""What CloudFormation answers instead of a result, and why a resource could not be had."""

from addons.sim.aws.errors import Refusal


class ResourceFailed(Exception):
    """A resource could not be made, changed or deleted; `verb` is create, update or delete."""

    def __init__(self, logical_id: str, verb: str, reason: str) -> None:
        super().__init__(f"{logical_id}: {reason}")
        self.logical_id = logical_id
        self.verb = verb
        self.reason = reason


class HandlerFailed(Exception):
    """What a type says when a resource does not become as wanted."""


def invalid(message: str) -> Refusal:
    """The refusal of a parameter's value, of a template, or of a state."""
    return Refusal("ValidationError", message)


def violates(name: str, value: str, constraint: str) -> Refusal:
    """The refusal of a value by the rules of its form."""
    return invalid(
        f"1 validation error detected: Value '{value[:1000]}' at '{name}' failed to satisfy constraint: "
        f"Member must {constraint}"
    )


def missing(name: str) -> Refusal:
    """The refusal of a call that lacks a parameter."""
    return invalid(
        f"1 validation error detected: Value null at '{name[:1].lower()}{name[1:]}' failed to satisfy "
        "constraint: Member must not be null"
    )


def unknown_parameter(name: str) -> Refusal:
    """The refusal of a parameter that a call does not have."""
    return invalid(f"The parameter {name} is not recognized")


def not_simulated(what: str) -> Refusal:
    """The refusal of what the real service has and this one has not."""
    return invalid(f"{what} is not simulated")


def no_stack(name: str) -> Refusal:
    """The refusal of a stack to be shown that is not there."""
    return invalid(f"Stack with id {name} does not exist")


def no_stack_to_change(name: str) -> Refusal:
    """The refusal of a stack to be changed that is not there."""
    return invalid(f"Stack [{name}] does not exist")


def wrong_state(stack_id: str, status: str) -> Refusal:
    """The refusal of an update in a state that allows none."""
    return invalid(f"Stack:{stack_id} is in {status} state and can not be updated.")


def no_change_set(name: str) -> Refusal:
    """The refusal of a change set that is not there."""
    return Refusal("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


def handler_message(service: str, code: str, message: str, status: int) -> str:
    """What an event says when the service below has refused."""
    kind = _HANDLER_CODES.get(code, "InvalidRequest")
    return (
        f'Resource handler returned message: "{message} (Service: {service}, Status Code: {status}, '
        'Request ID: 00000000-0000-4000-8000-000000000000)" (RequestToken: '
        f"00000000-0000-4000-8000-000000000001, HandlerErrorCode: {kind})"
    )


_HANDLER_CODES = {
    "AlreadyExists": "AlreadyExists",
    "InvalidLaunchTemplateName.AlreadyExistsException": "AlreadyExists",
    "InvalidLaunchTemplateId.NotFound": "NotFound",
    "LimitExceeded": "ServiceLimitExceeded",
    "Throttling": "Throttling",
}
