"""What is seen, frozen for each pass: the cluster, the groups as AWS has them, and what is remembered."""

from collections.abc import Callable
from datetime import datetime

from addons.autoscaler.aws.groups import Groups
from addons.autoscaler.config import Config
from addons.autoscaler.controller.cluster import ClusterView
from addons.autoscaler.controller.server_clock import ServerClock
from addons.autoscaler.desired.group_templates import TemplateBook
from addons.autoscaler.desired.options import priorities_of, totals_of
from addons.autoscaler.desired.snapshot import Cluster, Situation, snapshot_of
from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.rolls import RollNote, fresh_rolls
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.names import PRIORITY_CONFIG_MAP, ROLLS_CONFIG_MAP


class Observing:
    """Makes snapshots. Raises ValueError that names the setting for one that cannot be read."""

    def __init__(
        self,
        config: Config,
        cluster: ClusterView,
        groups: Groups,
        *,
        namespace: str,
        own_node: Callable[[], str],
        server_clock: ServerClock,
        now: Callable[[], datetime],
    ) -> None:
        self.cluster = cluster
        self._groups = groups
        self._namespace = namespace
        self._own_node = own_node
        self._server_clock = server_clock
        self._now = now
        self._book = TemplateBook(config)
        self._totals = totals_of(config)
        self._seed = 0
        self.priority_problems: tuple[str, ...] = ()
        """What is wrong in the ConfigMap of the priority expander, in words."""
        self.roll_problems: dict[str, str] = {}
        """Group -> why what is written of a roll of it does not count, in words."""

    def snapshot(self, memory: Memory, removing: frozenset[str]) -> Snapshot:
        """Everything as it is now; `removing` are the nodes that we are removing."""
        cluster, watches = self.cluster, self.cluster.watches
        self._seed += 1
        seen = Cluster(
            nodes=cluster.nodes(),
            pods_of=cluster.records.by_node(),
            waiting=cluster.records.waiting(),
            daemons=cluster.daemons(),
            budgets=cluster.budgets(),
            namespaces=cluster.namespaces(),
        )
        situation = Situation(
            now=self._now().timestamp(),
            memory=memory,
            totals=self._totals,
            own_node=self._own_node(),
            priorities=self._priorities(),
            removing=removing,
            rolls=self._rolls(),
            is_stale=watches.not_ready() or self._server_clock.disagreement(),
            seed=self._seed,
        )
        return snapshot_of(seen, self._groups.view, self._groups.types.known, self._book, situation)

    def _rolls(self) -> dict[str, RollNote]:
        """The groups that are being rolled now."""
        found = self.cluster.watches.rolls.get(self._namespace, ROLLS_CONFIG_MAP)
        rolls, self.roll_problems = fresh_rolls(found.data if found else {}, self._now().timestamp())
        return rolls

    def _priorities(self) -> dict[int, tuple[str, ...]] | None:
        found = self.cluster.watches.priorities.get(self._namespace, PRIORITY_CONFIG_MAP)
        if found is None:
            self.priority_problems = ()
            return None
        priorities, self.priority_problems = priorities_of(found.data)
        return priorities
