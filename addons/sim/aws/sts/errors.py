"""What STS answers instead of a result: code, words and HTTP status."""


class StsError(Exception):
    """A refused call. `code` is what `ClientError.response["Error"]["Code"]` shows."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(name: str, value: object, constraint: str) -> StsError:
    """The refusal of a parameter whose form is wrong."""
    return StsError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' "
        f"failed to satisfy constraint: Member must {constraint}",
    )


def access_denied(caller: str, action: str, resource: str) -> StsError:
    """The refusal of a caller; the same whether the role exists or not."""
    message = f"User: {caller} is not authorized to perform: {action} on resource: {resource}"
    return StsError("AccessDenied", message, 403)
