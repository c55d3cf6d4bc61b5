"""What of the settings counts for shrinking."""

from dataclasses import dataclass
from typing import Self

from addons.autoscaler.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkOptions:
    """Settings of shrinking; times in seconds. Thresholds and times of one group are in its GroupOptions."""

    is_on: bool = True
    removes_unready: bool = True
    ignores_mirror_pods: bool = False
    keeps_system_pods: bool = True
    keeps_local_storage: bool = True
    keeps_custom_controllers: bool = True
    min_replicas: int = 0
    system_pod_seconds: float = 3600.0
    priority_cutoff: int = -10
    startup_seconds: float = 900.0
    delay_after_add: float = 600.0
    delay_after_delete: float = 0.0
    delay_after_failure: float = 180.0
    delays_are_local: bool = True
    max_removals: int = 10
    max_drains: int = 5
    unready_percentage: float = 45.0
    ok_unready: int = 3

    @classmethod
    def of(cls, config: Config) -> Self:
        """Take what counts from the settings, which have been checked."""
        return cls(
            is_on=config.scale_down_enabled,
            removes_unready=config.scale_down_unready_enabled,
            ignores_mirror_pods=config.ignore_mirror_pods_utilization,
            keeps_system_pods=config.skip_nodes_with_system_pods,
            keeps_local_storage=config.skip_nodes_with_local_storage,
            keeps_custom_controllers=config.skip_nodes_with_custom_controller_pods,
            min_replicas=config.min_replica_count,
            system_pod_seconds=config.blocking_system_pod_distruption_timeout.total_seconds(),
            priority_cutoff=config.expendable_pods_priority_cutoff,
            startup_seconds=config.max_node_startup_time.total_seconds(),
            delay_after_add=config.scale_down_delay_after_add.total_seconds(),
            delay_after_delete=config.scale_down_delay_after_delete.total_seconds(),
            delay_after_failure=config.scale_down_delay_after_failure.total_seconds(),
            delays_are_local=config.scale_down_delay_type_local,
            max_removals=config.max_scale_down_parallelism,
            max_drains=config.max_drain_parallelism,
            unready_percentage=config.max_total_unready_percentage,
            ok_unready=config.ok_total_unready_count,
        )
