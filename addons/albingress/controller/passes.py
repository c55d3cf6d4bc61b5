"""What one pass over a group has found out."""

from msgspec import Struct

from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import Stack
from addons.runtime.outcomes import Problem, Skip


class Pass(Struct, frozen=True, kw_only=True):
    """What was asked for, what AWS has after it, what is wrong and what is not done."""

    stack: Stack
    observed: ObservedStack
    problems: tuple[Problem, ...] = ()
    skips: tuple[Skip, ...] = ()
