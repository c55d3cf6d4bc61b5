"""Taints that pass: those of starting nodes, those of a state, and those of a removal."""

from collections.abc import Iterable
from dataclasses import dataclass

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.model.pods import Taint

_OF_REMOVAL = frozenset({names.TO_BE_DELETED, names.DELETION_CANDIDATE})
_UNTIL_USABLE = frozenset(
    {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/network-unavailable",
        "node.cloudprovider.kubernetes.io/uninitialized",
    }
)
"""Taints that a node has for some moments after it is ready, or until something is there."""


@dataclass(frozen=True, slots=True)
class TaintRules:
    """Which taints are of starting nodes, and which come and go: keys, and how keys begin."""

    startup: frozenset[str] = frozenset()
    startup_prefixes: tuple[str, ...] = names.STARTUP_TAINT_PREFIXES
    status: frozenset[str] = frozenset({names.NO_POD_IPS})
    status_prefixes: tuple[str, ...] = (names.STATUS_TAINT_PREFIX,)

    @classmethod
    def of(cls, config: Config) -> "TaintRules":
        """The rules of the settings, besides those that always hold."""
        return cls(
            startup=frozenset((*config.startup_taint, *config.ignore_taint)),
            startup_prefixes=(*names.STARTUP_TAINT_PREFIXES, *config.startup_taint_prefix),
            status=frozenset((names.NO_POD_IPS, *config.status_taint)),
            status_prefixes=(names.STATUS_TAINT_PREFIX, *config.status_taint_prefix),
        )

    def is_startup(self, key: str) -> bool:
        """Whether a node has such a taint only while it starts."""
        return key in self.startup or key.startswith(self.startup_prefixes)

    def is_lasting(self, key: str) -> bool:
        """Whether a new node of the group would have such a taint for good."""
        return not (
            self.is_startup(key)
            or key in self.status
            or key.startswith(self.status_prefixes)
            or key in names.NODE_CONDITION_TAINTS
            or key in _OF_REMOVAL
        )

    def lasting(self, taints: Iterable[Taint]) -> tuple[Taint, ...]:
        """The taints that a new node of the group would have for good, in a fixed order."""
        kept = {each for each in taints if self.is_lasting(each.key)}
        return tuple(sorted(kept, key=lambda each: (each.key, each.value, each.effect)))

    def waits_for(self, taints: Iterable[Taint]) -> str:
        """Which taint a node is to lose before pods can use it; empty when there is none."""
        return next(
            (each.key for each in taints if self.is_startup(each.key) or each.key in _UNTIL_USABLE), ""
        )
