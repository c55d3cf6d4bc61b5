"""What ELBv2 answers instead of a result: code, words and HTTP status."""


class ElbError(Exception):
    """A refused call. `code` is what `ClientError.response["Error"]["Code"]` shows."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


_NOUNS = {
    "LoadBalancer": "load balancers",
    "Listener": "listeners",
    "Rule": "rules",
    "TargetGroup": "target groups",
}


def not_found(kind: str) -> ElbError:
    """The refusal of an ARN or name that nothing has; `kind` is e.g. TargetGroup."""
    return ElbError(f"{kind}NotFound", f"One or more {_NOUNS[kind]} not found")


def invalid(message: str) -> ElbError:
    """The refusal of a parameter's value."""
    return ElbError("ValidationError", message)


def bad_action(message: str) -> ElbError:
    """The refusal of an action of a rule or listener."""
    return ElbError("InvalidLoadBalancerAction", message)


def unsettled(message: str) -> ElbError:
    """The refusal of what does not go together."""
    return ElbError("InvalidConfigurationRequest", message)


def missing(name: str) -> ElbError:
    """The refusal of a call that lacks a parameter."""
    return invalid(f"{name} is required")


def unknown_parameter(name: str) -> ElbError:
    """The refusal of a parameter that a call does not have."""
    return invalid(f"The parameter {name} is not recognized")
