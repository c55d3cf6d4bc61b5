"""The answer of a rule that cannot be made as asked for: 503, for its requests and no others. Pure."""

from addons.albingress.desired.backends import NO_ACTION, NO_SERVICE
from addons.albingress.desired.not_usable import NotUsable
from addons.albingress.model.rules import FixedResponse

ANSWERS_503 = "answers 503"
STAYS = "stays as it is in AWS"
NO_RULE = "has no rule"

NOT_FOUND = FixedResponse("404", "text/plain")
"""What a listener answers where no rule matches and nobody has a default backend."""


def placeholder(fault: NotUsable) -> FixedResponse:
    """The 503, with a reason that names no object: clients read it."""
    if fault.shown in (NO_SERVICE, NO_ACTION):
        return FixedResponse("503", "text/plain", fault.shown)
    return FixedResponse("503", "text/plain", f"backend unavailable: {fault.shown}")
