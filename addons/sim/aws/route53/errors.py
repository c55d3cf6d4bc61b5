"""What Route 53 answers instead of a result: code, words and HTTP status."""

from collections.abc import Iterable


class Route53Error(Exception):
    """A refused call. `code` is what `ClientError.response["Error"]["Code"]` shows."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class InvalidChangeBatch(Route53Error):
    """A refused batch; `messages` holds one text for each change at fault, all of them."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("InvalidChangeBatch", f"[{', '.join(self.messages)}]")


class InvalidInput(Route53Error):
    """A request whose form is wrong, before its meaning is looked at."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidInput", message)


def no_such_hosted_zone(zone_id: str) -> Route53Error:
    """The refusal for a zone id that is not, or no longer, there."""
    return Route53Error("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
