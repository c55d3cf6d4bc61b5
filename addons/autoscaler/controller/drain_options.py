"""What of the settings counts for emptying a node."""

from dataclasses import dataclass
from typing import Self

from addons.autoscaler.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOptions:
    """Settings of drains; times in seconds."""

    cordons: bool = True
    delay_after_taint: float = 5.0
    longest_grace: float = 600.0
    eviction_seconds: float = 120.0
    deletion_delay: float = 120.0
    evicts_daemons: bool = True
    evicts_daemons_of_empty: bool = False

    @classmethod
    def of(cls, config: Config) -> Self:
        """Take what counts from the settings, which have been checked."""
        return cls(
            cordons=config.cordon_node_before_terminating,
            delay_after_taint=config.node_delete_delay_after_taint.total_seconds(),
            longest_grace=float(config.max_graceful_termination_sec),
            eviction_seconds=config.max_pod_eviction_time.total_seconds(),
            deletion_delay=config.node_deletion_delay_timeout.total_seconds(),
            evicts_daemons=config.daemonset_eviction_for_occupied_nodes,
            evicts_daemons_of_empty=config.daemonset_eviction_for_empty_nodes,
        )
