"""The settings of autoscaler. The docstring below each field is its documentation, everywhere."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta

from addons.runtime.selectors import PATTERN as SELECTOR
from addons.runtime.setting_values import Namespace, form, in_schema
from addons.runtime.settings import LeaderConfig

ENV_PREFIXES = ("ADDONS_AUTOSCALER_",)
"""Prefix of our environment variables; the original reads none."""

_KLOG = "the log is set by --log-level and --log-format"
_ONE_PASS = "all groups are planned in one pass, which takes less than a second"  # noqa: S105
_LEASE = "a lease lasts 15 s and is renewed every 2 s"
_SOFT = "ten nodes are marked after each pass, beside the loop"
RETIRED = {
    "--address": "it is --listen",
    "--alsologtostderr": _KLOG,
    "--cloud-config": "services of AWS are found as boto3 does; --aws-endpoint-url names another place",
    "--emit-per-nodegroup-metrics": "figures of each group are always there",
    "--estimator": _ONE_PASS,
    "--gpu-total": "GPUs are limited by the maximum of their groups",
    "--kube-client-burst": "writes are paced by the server",
    "--kube-client-qps": "writes are paced by the server",
    "--leader-elect-lease-duration": _LEASE,
    "--leader-elect-renew-deadline": _LEASE,
    "--leader-elect-resource-name": "it is --leader-elect-name",
    "--leader-elect-resource-namespace": "it is --leader-elect-namespace",
    "--leader-elect-retry-period": _LEASE,
    "--logtostderr": _KLOG,
    "--max-binpacking-time": _ONE_PASS,
    "--max-bulk-soft-taint-count": _SOFT,
    "--max-bulk-soft-taint-time": _SOFT,
    "--max-empty-bulk-delete": "it is --max-scale-down-parallelism",
    "--max-failing-time": "the probes ask for /healthz and /readyz",
    "--max-inactivity": "the probes ask for /healthz and /readyz",
    "--max-nodegroup-binpacking-duration": _ONE_PASS,
    "--record-duplicated-events": "Events are told once each, and again when they are news",
    "--salvo-scale-up": _ONE_PASS,
    "--scale-down-candidates-pool-min-count": "every node is looked at in every pass",
    "--scale-down-candidates-pool-ratio": "every node is looked at in every pass",
    "--scale-down-non-empty-candidates-count": "every node is looked at in every pass",
    "--scale-down-simulation-timeout": "every node is looked at in every pass",
    "--stderrthreshold": _KLOG,
    "--unregistered-node-removal-time": "it is --max-node-provision-time",
    "--unremovable-node-recheck-timeout": "every node is looked at in every pass",
    "--v": _KLOG,
    "--vmodule": _KLOG,
}
"""Flags of the original that have no counterpart here -> what there is in their place."""

GroupSpec = Annotated[
    str, form(r"[0-9]+:[0-9]+:.+", "MIN:MAX:NAME of an auto scaling group, such as 1:10:web")
]
Range = Annotated[str, form(r"[0-9]+:[0-9]+", "MIN:MAX, such as 0:320000")]
LabelSelector = Annotated[str, in_schema(SELECTOR, "a selector, such as app=web,tier in (a, b)")]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Expander = Literal["random", "most-pods", "least-waste", "least-nodes", "priority", "price"]


class Config(LeaderConfig, frozen=True, kw_only=True):
    """Settings of autoscaler; flags of cluster-autoscaler keep their names and meanings."""

    listen: str = ":8085"
    """HOST:PORT for health, metrics and the status page; an empty host means all addresses."""

    cloud_provider: Literal["aws"] = "aws"
    """Taken for compatibility."""

    cluster_name: str = ""
    """The name of the cluster, in messages and in the status."""

    namespace: Namespace = ""
    """Where the status, the intents and the priorities are kept. Without it: the namespace of the pod, else
    `default`."""

    nodes: tuple[GroupSpec, ...] = ()
    """Groups by name, with limits of their own: MIN:MAX:NAME. The flag may be given several times."""

    node_group_auto_discovery: tuple[str, ...] = ()
    """Groups by tags: `asg:tag=KEY[=VALUE][,KEY...]`; a group that has all tags of one of them is found. The
    flag may be given several times."""

    pod_namespaces: tuple[Namespace, ...] = ()
    """Grow only for pods of these namespaces, where several autoscalers share a cluster. Without it: all."""

    pod_selector: LabelSelector = ""
    """Grow only for pods with such labels, where several autoscalers share a cluster."""

    scan_interval: timedelta = timedelta(seconds=10)
    """How often everything is looked at, although nothing has happened."""

    refresh_interval: timedelta = timedelta(seconds=70)
    """How often groups are read from AWS while nothing of them changes."""

    expander: tuple[Expander, ...] = ("least-waste",)
    """How to choose among groups that could take a pod; each breaks the ties of the one before."""

    balance_similar_node_groups: bool = False
    """Spread new nodes over groups that differ in their zone only."""

    balancing_ignore_label: tuple[str, ...] = ()
    """Labels that may differ between similar groups, besides zone, region and host name."""

    balancing_label: tuple[str, ...] = ()
    """Groups are similar when these labels are equal, whatever else differs."""

    memory_difference_ratio: Share = 0.015
    """How much the memory of similar groups may differ."""

    max_allocatable_difference_ratio: Share = 0.05
    """How much else that similar groups offer may differ."""

    max_free_difference_ratio: Share = 0.05
    """How much of what is free on empty nodes of similar groups may differ."""

    max_nodes_total: Count = 0
    """Never let the cluster have more nodes than this; 0 means no limit."""

    cores_total: Range = "0:320000"
    """Cores of the cluster, at least and at most."""

    memory_total: Range = "0:6400000"
    """Memory of the cluster in GiB, at least and at most."""

    max_step: Count = 100
    """Grow a group by no more nodes than this in one order; the next order waits for these."""

    max_step_total: Count = 1000
    """Let no more nodes than this be on their way at once, in all groups."""

    max_unproven_nodes: Count = 10
    """Let no more nodes than this be on their way in groups that have not shown yet that their nodes join."""

    max_nodes_per_scaleup: Count = 1000
    """Order no more nodes than this in one pass."""

    max_node_provision_time: timedelta = timedelta(minutes=15)
    """A node that has not joined after this is given up, and its group rests."""

    max_node_startup_time: timedelta = timedelta(minutes=15)
    """A node that is not ready after this counts as unready."""

    initial_node_group_backoff_duration: timedelta = timedelta(minutes=5)
    """A group rests for so long after a failure."""

    max_node_group_backoff_duration: timedelta = timedelta(minutes=30)
    """A group that fails again and again rests for no longer."""

    node_group_backoff_reset_timeout: timedelta = timedelta(hours=3)
    """Failures are forgotten when the last is so long ago."""

    max_total_unready_percentage: Percent = 45
    """A group with a greater share of unready nodes does not grow."""

    ok_total_unready_count: Count = 3
    """So many unready nodes of a group are no matter."""

    scale_up_from_zero: bool = True
    """Grow although no node of the cluster is ready."""

    enforce_node_group_min_size: bool = False
    """Raise groups that are below their minimum."""

    new_pod_scale_up_delay: timedelta = timedelta()
    """Grow only for pods that are older; the annotation `cluster-autoscaler.kubernetes.io/pod-scale-up-delay`
    of a pod can lengthen it."""

    expendable_pods_priority_cutoff: int = -10
    """Pods of a lower priority neither let groups grow nor keep nodes."""

    bypassed_scheduler_names: tuple[str, ...] = ()
    """Count pods of these schedulers as pending although the scheduler has not called them unschedulable."""

    allowed_scheduler_names: tuple[str, ...] = ()
    """Grow for pods of these schedulers too, besides default-scheduler."""

    force_ds: bool = True
    """Taken for compatibility: new nodes are always counted with the DaemonSet pods that they will have."""

    startup_taint: tuple[str, ...] = ()
    """Keys of taints that nodes have while they start: such a node is upcoming."""

    startup_taint_prefix: tuple[str, ...] = ()
    """The same by prefix."""

    status_taint: tuple[str, ...] = ()
    """Keys of taints that come and go: they are left out of what a new node of the group would have."""

    status_taint_prefix: tuple[str, ...] = ()
    """The same by prefix."""

    ignore_taint: tuple[str, ...] = ()
    """The old name of --startup-taint."""

    kube_reserved: dict[str, str] = {}  # noqa: RUF012
    """What kubelets of new nodes keep for themselves, such as `cpu=100m,memory=1Gi`. Without it: as the
    images of EKS do."""

    scale_down_enabled: bool = True
    """Remove nodes that are not needed."""

    scale_down_unready_enabled: bool = True
    """Remove nodes that are not ready."""

    scale_down_utilization_threshold: Share = 0.5
    """Remove a node only when its pods request no greater share of it than this."""

    scale_down_gpu_utilization_threshold: Share = 0.5
    """The same for nodes with GPUs, of which only these count."""

    scale_down_unneeded_time: timedelta = timedelta(minutes=10)
    """Remove a node only when it was not needed for so long."""

    scale_down_unready_time: timedelta = timedelta(minutes=20)
    """Remove a node that is not ready only when it was not for so long."""

    scale_down_delay_after_add: timedelta = timedelta(minutes=10)
    """Remove nothing of a group for so long after it grew."""

    scale_down_delay_after_delete: timedelta = timedelta()
    """Remove nothing of a group for so long after a removal."""

    scale_down_delay_after_failure: timedelta = timedelta(minutes=3)
    """Do not try a node again for so long after its removal failed; longer after each further failure."""

    scale_down_delay_type_local: bool = True
    """Have these delays for each group of its own; without it, one busy group delays all, as in the
    original."""

    ignore_daemonsets_utilization: bool = False
    """Leave DaemonSet pods out of what is used of a node."""

    ignore_mirror_pods_utilization: bool = False
    """Leave static pods out of what is used of a node."""

    skip_nodes_with_system_pods: bool = True
    """Keep nodes with pods of kube-system that no disruption budget covers, other than DaemonSet pods."""

    skip_nodes_with_local_storage: bool = True
    """Keep nodes with pods that have data on them: emptyDir or hostPath."""

    skip_nodes_with_custom_controller_pods: bool = True
    """Keep nodes with pods whose controller is none of Kubernetes' own."""

    min_replica_count: Count = 0
    """Keep nodes with pods whose controller wants fewer replicas than this."""

    blocking_system_pod_distruption_timeout: timedelta = timedelta(hours=1)
    """A pod of kube-system without a budget keeps its node only until it is so old."""

    max_scale_down_parallelism: Annotated[int, Meta(ge=1)] = 10
    """Remove no more nodes than this at once."""

    max_drain_parallelism: Annotated[int, Meta(ge=1)] = 5
    """Drain no more nodes than this at once; the original has 1."""

    max_graceful_termination_sec: Count = 600
    """Wait no longer than so many seconds for a pod that was evicted."""

    max_pod_eviction_time: timedelta = timedelta(minutes=2)
    """Try for so long to evict a pod that its budget protects, or as long as the pods before it need."""

    cordon_node_before_terminating: bool = True
    """Make a node unschedulable when it is to be removed."""

    node_delete_delay_after_taint: timedelta = timedelta(seconds=5)
    """Wait for so long after a node was tainted before its pods are looked at again and evicted."""

    node_deletion_delay_timeout: timedelta = timedelta(minutes=2)
    """Wait no longer for annotations that ask to delay the removal of a node."""

    daemonset_eviction_for_occupied_nodes: bool = True
    """Evict DaemonSet pods too from nodes that are drained; nobody waits for them."""

    daemonset_eviction_for_empty_nodes: bool = False
    """The same from nodes with no other pods."""

    interruption_queue: str = ""
    """URL of an SQS queue with EventBridge's notices of spot interruptions, rebalance recommendations, state
    changes and lifecycle actions: nodes that will go are drained before they do."""

    write_status_configmap: bool = True
    """Write the ConfigMap --status-config-map-name."""

    status_config_map_name: str = "cluster-autoscaler-status"
    """The name of the ConfigMap with the status."""

    aws_use_static_instance_list: bool = False
    """Do not ask EC2 about types of instances; those known when this was built must do."""

    allow_spot: bool = False
    """Run although our own node may be taken away, being a spot instance."""

    force_take_over: bool = False
    """Act although the original holds its lease `cluster-autoscaler` in kube-system."""
