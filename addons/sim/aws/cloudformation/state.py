"""CloudFormation without HTTP: the account, what is done to stacks, and trouble to order."""

from collections import Counter
from collections.abc import Iterable, Mapping

from addons.sim.aws.autoscaling.state import AutoScaling
from addons.sim.aws.cloudformation.account import Account, Knobs
from addons.sim.aws.cloudformation.deploying import Deployment
from addons.sim.aws.cloudformation.kinds.group import GroupKind
from addons.sim.aws.cloudformation.kinds.kind import Kind
from addons.sim.aws.cloudformation.kinds.launch_template import LaunchTemplateKind
from addons.sim.aws.cloudformation.kinds.lifecycle_hook import LifecycleHookKind
from addons.sim.aws.cloudformation.model import Order, Stack, Verb
from addons.sim.aws.cloudformation.provisioning import Provisioner

_VERBS: tuple[Verb, ...] = ("create", "update")


class CloudFormation:
    """The strict state machine over the simulated Auto Scaling and EC2. Its clock is `ec2.agenda`.

    `calls` counts those that came over HTTP.
    """

    def __init__(self, autoscaling: AutoScaling) -> None:
        self.account = Account(autoscaling.account.ec2.agenda)
        self.kinds: Mapping[str, Kind] = {
            kind.type: kind
            for kind in (
                LaunchTemplateKind(autoscaling.account.ec2),
                GroupKind(autoscaling, lambda: (self.knobs.poll_seconds, self.knobs.patience_seconds)),
                LifecycleHookKind(autoscaling),
            )
        }
        self.deployment = Deployment(self.account, Provisioner(self.account, self.kinds))
        self.calls: Counter[str] = Counter()

    @property
    def knobs(self) -> Knobs:
        """How the service behaves beyond being right."""
        return self.account.knobs

    def stack(self, name: str) -> Stack:
        """A stack by name or ARN. Raises ValidationError."""
        return self.account.stack(name)

    def fail_resource(
        self,
        stack: str,
        logical_id: str,
        message: str,
        *,
        verbs: Iterable[Verb] = _VERBS,
        times: int | None = 1,
    ) -> Order:
        """Let a resource of a stack (name, ARN or *) fail with this message, so often or until taken back.

        `verbs`: whether when it is made, changed or deleted. With `times=2` an update fails, and its
        rollback too.
        """
        order = Order(stack, logical_id, message, frozenset(verbs), times)
        self.account.orders.append(order)
        return order

    def succeed_again(self, order: Order | None = None) -> None:
        """Take an order back, or all of them."""
        self.account.orders = [each for each in self.account.orders if order not in (None, each)]
