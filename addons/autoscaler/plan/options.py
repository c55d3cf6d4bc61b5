"""What of the settings counts for growing."""

from dataclasses import dataclass, field
from typing import Self

from addons.autoscaler.config import Config
from addons.runtime.selectors import Selector, parse_selector

DEFAULT_SCHEDULER = "default-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowOptions:
    """Settings of growing; times in seconds. `namespaces` and `selector` say whose pods let groups grow;
    no namespaces means all.
    """

    namespaces: frozenset[str] = frozenset()
    selector: Selector = field(default_factory=Selector)
    expanders: tuple[str, ...] = ("least-waste",)
    balances: bool = False
    ignored_labels: frozenset[str] = frozenset()
    balancing_labels: tuple[str, ...] = ()
    memory_ratio: float = 0.015
    allocatable_ratio: float = 0.05
    free_ratio: float = 0.05
    max_step_total: int = 1000
    max_unproven: int = 10
    max_per_pass: int = 1000
    startup_seconds: float = 900.0
    rest_seconds: float = 300.0
    longest_rest_seconds: float = 1800.0
    forget_seconds: float = 10800.0
    unready_percentage: float = 45.0
    ok_unready: int = 3
    grows_from_zero: bool = True
    enforces_min: bool = False
    pod_delay: float = 0.0
    priority_cutoff: int = -10
    bypassed_schedulers: frozenset[str] = frozenset()
    schedulers: frozenset[str] = frozenset({DEFAULT_SCHEDULER})

    @classmethod
    def of(cls, config: Config) -> Self:
        """Take what counts from the settings, which have been checked."""
        return cls(
            namespaces=frozenset(config.pod_namespaces),
            selector=parse_selector(config.pod_selector),
            expanders=tuple(config.expander),
            balances=config.balance_similar_node_groups,
            ignored_labels=frozenset(config.balancing_ignore_label),
            balancing_labels=config.balancing_label,
            memory_ratio=config.memory_difference_ratio,
            allocatable_ratio=config.max_allocatable_difference_ratio,
            free_ratio=config.max_free_difference_ratio,
            max_step_total=config.max_step_total,
            max_unproven=config.max_unproven_nodes,
            max_per_pass=config.max_nodes_per_scaleup,
            startup_seconds=config.max_node_startup_time.total_seconds(),
            rest_seconds=config.initial_node_group_backoff_duration.total_seconds(),
            longest_rest_seconds=config.max_node_group_backoff_duration.total_seconds(),
            forget_seconds=config.node_group_backoff_reset_timeout.total_seconds(),
            unready_percentage=config.max_total_unready_percentage,
            ok_unready=config.ok_total_unready_count,
            grows_from_zero=config.scale_up_from_zero,
            enforces_min=config.enforce_node_group_min_size,
            pod_delay=config.new_pod_scale_up_delay.total_seconds(),
            priority_cutoff=config.expendable_pods_priority_cutoff,
            bypassed_schedulers=frozenset(config.bypassed_scheduler_names),
            schedulers=frozenset((DEFAULT_SCHEDULER, *config.allowed_scheduler_names)),
        )
