"""What was answered by what: so that a test can say that nobody was failed, and who served."""

from collections import Counter
from typing import Literal, NamedTuple

Origin = Literal["target", "fixed-response", "redirect", "authentication", "error"]
"""Who said it: a target, an action of a rule, or the load balancer for want of an answer."""


class Answer(NamedTuple):
    """How requests were answered. `target` is `id:port`, "" when nobody behind was asked.

    An `error` of 5xx is what CloudWatch counts as HTTPCode_ELB_5XX.
    """

    listener_arn: str
    rule_arn: str
    status: int
    origin: Origin
    group_arn: str = ""
    target: str = ""


class Tally:
    """How many requests were answered in which way."""

    def __init__(self) -> None:
        self.answers: Counter[Answer] = Counter()

    def count(self, **wanted: object) -> int:
        """Count the answers with certain values, e.g. `rule_arn=…, status=200`; all without."""
        return sum(
            number
            for answer, number in self.answers.items()
            if all(getattr(answer, name) == value for name, value in wanted.items())
        )

    def by(self, name: str) -> dict[object, int]:
        """Count the answers by one of their fields, e.g. `status`."""
        found: Counter[object] = Counter()
        for answer, number in self.answers.items():
            found[getattr(answer, name)] += number
        return dict(found)

    def clear(self) -> None:
        """Begin to count anew."""
        self.answers.clear()
