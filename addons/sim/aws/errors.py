"""A refused call, as every service has it."""


class Refusal(Exception):
    """A refused call. `code` is what `ClientError.response["Error"]["Code"]` shows."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
