"""What is raised for a wish that cannot be carried out as it is written. Pure."""

from addons.albingress import names


class Unusable(ValueError):
    """Something in an object that cannot be used.

    The message names the thing and the fix, for the owner of the object. `shown` is what clients may read
    instead, in the body of a placeholder: no names of objects.
    """

    def __init__(
        self, message: str, *, shown: str = "its settings are not valid", reason: str = names.BROKEN_RULE
    ) -> None:
        super().__init__(message)
        self.shown = shown
        self.reason = reason
