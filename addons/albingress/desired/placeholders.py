"""The answer of a rule that cannot be made as asked for: 503, for its requests and no others. Pure."""

from collections.abc import Sequence
from typing import Final

from addons.albingress.desired.backends import NO_ACTION, NO_SERVICE
from addons.albingress.desired.not_usable import NotUsable
from addons.albingress.model.rules import Action, FixedResponse

ANSWERS_503: Final = "answers 503"
STAYS: Final = "stays as it is in AWS"
NO_RULE: Final = "has no rule"

NOT_FOUND: Final = FixedResponse("404", "text/plain")
"""What a listener answers where no rule matches and nobody has a default backend."""

_UNAVAILABLE: Final = "backend unavailable: "


def placeholder(fault: NotUsable) -> FixedResponse:
    """The 503, with a reason that names no object: clients read it."""
    shown = fault.shown if fault.shown in (NO_SERVICE, NO_ACTION) else f"{_UNAVAILABLE}{fault.shown}"
    return FixedResponse("503", "text/plain", shown)


def is_placeholder(actions: Sequence[Action]) -> bool:
    """Whether nothing is answered but such a 503, ours or the original's: nothing in it is worth keeping."""
    match list(actions):
        case [FixedResponse("503", "text/plain", body)]:
            return body in (NO_SERVICE, NO_ACTION) or body.startswith(_UNAVAILABLE)
    return False
