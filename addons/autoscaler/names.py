"""The public names of this daemon: tags, labels, annotations, taints, metrics, reasons. A change breaks
users."""

from typing import Final

# Tags of auto scaling groups, as the original reads them.
TAG_PREFIX: Final = "k8s.io/cluster-autoscaler/"
TEMPLATE_LABEL: Final = TAG_PREFIX + "node-template/label/"
TEMPLATE_TAINT: Final = TAG_PREFIX + "node-template/taint/"
"""Value `VALUE:EFFECT`."""
TEMPLATE_RESOURCES: Final = TAG_PREFIX + "node-template/resources/"
TEMPLATE_OPTIONS: Final = TAG_PREFIX + "node-template/autoscaling-options/"
EKS_TAG: Final = "eks:"
"""Tags that begin so become labels too, without it."""
EKS_CLUSTER: Final = EKS_TAG + "cluster-name"
EKS_NODE_GROUP: Final = EKS_TAG + "nodegroup-name"
"""Tags that EKS gives to the groups of its managed node groups."""

# Keys of the options that a group may have by tag; those from MAX_PROVISION_TIME on are ours.
OPTION_UTILIZATION: Final = "scaledownutilizationthreshold"
OPTION_GPU_UTILIZATION: Final = "scaledowngpuutilizationthreshold"
OPTION_UNNEEDED_TIME: Final = "scaledownunneededtime"
OPTION_UNREADY_TIME: Final = "scaledownunreadytime"
OPTION_IGNORE_DAEMONSETS: Final = "ignoredaemonsetsutilization"
OPTION_MAX_PROVISION_TIME: Final = "maxnodeprovisiontime"
OPTION_MAX_STEP: Final = "maxstep"
OPTION_PRIORITY: Final = "priority"
OPTION_PRICE: Final = "price"
"""Dollars an hour of one instance."""

# Tags of stacks of a matrix; groups and instances get them too.
MATRIX_TAG: Final = "aws-addons.io/matrix"
MATRIX_CLUSTER_TAG: Final = "aws-addons.io/cluster"
CELL_TAG: Final = "aws-addons.io/cell"
"""SERVICE/TYPE/CAPACITY/ZONE."""
SPEC_TAG: Final = "aws-addons.io/spec"
"""Digest of all that the cell asks for."""
LAUNCH_TAG: Final = "aws-addons.io/launch"
"""Digest of what instances are launched from."""
LAUNCHED_FROM_TAG: Final = "aws-addons.io/launched-from"
"""On an instance: the digest of what it was launched from."""
PARTS_TAG: Final = "aws-addons.io/parts"
"""Short digests of the parts of a cell, so that a plan can say what differs."""
KEEP_TAG: Final = "aws-addons.io/keep"
"""`true`: the stack stays although no cell of the file is like it."""
TOOL_TAG: Final = "aws-addons.io/version"
"""The version of the tool that last changed the stack."""

# Annotations of pods and nodes.
SAFE_TO_EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"
SAFE_TO_EVICT_VOLUMES: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
DAEMONSET_POD: Final = "cluster-autoscaler.kubernetes.io/daemonset-pod"
EVICT_DAEMONSET_POD: Final = "cluster-autoscaler.kubernetes.io/enable-ds-eviction"
"""On a DaemonSet pod: whether it is evicted from a node that goes, whatever the settings say."""
SCALE_UP_DELAY: Final = "cluster-autoscaler.kubernetes.io/pod-scale-up-delay"
SCALE_DOWN_DISABLED: Final = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
DELAY_DELETION: Final = "delay-deletion.cluster-autoscaler.kubernetes.io/"
"""Prefix: while a node has such an annotation it is not terminated, up to --node-deletion-delay-timeout."""
MIRROR: Final = "kubernetes.io/config.mirror"
DRAIN: Final = "aws-addons.io/drain"
"""On a node that is being drained: why, and since when, as JSON; a restart goes on from it."""

# Taints.
TO_BE_DELETED: Final = "ToBeDeletedByClusterAutoscaler"
"""NoSchedule; the value is the time in Unix seconds."""
DELETION_CANDIDATE: Final = "DeletionCandidateOfClusterAutoscaler"
"""PreferNoSchedule; the value is the time in Unix seconds since when the node is not needed."""
STARTUP_TAINT_PREFIXES: Final = (
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
)
STATUS_TAINT_PREFIX: Final = "status-taint.cluster-autoscaler.kubernetes.io/"
NODE_CONDITION_TAINTS: Final = frozenset(
    {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/pid-pressure",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cloudprovider.kubernetes.io/shutdown",
    }
)
"""Taints that tell of the state of one node: a new one of its group does not have them for good."""

# Labels of nodes.
HOSTNAME: Final = "kubernetes.io/hostname"
ZONE: Final = "topology.kubernetes.io/zone"
REGION: Final = "topology.kubernetes.io/region"
EBS_ZONE: Final = "topology.ebs.csi.aws.com/zone"
OLD_ZONE: Final = "failure-domain.beta.kubernetes.io/zone"
OLD_REGION: Final = "failure-domain.beta.kubernetes.io/region"
INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"
OLD_INSTANCE_TYPE: Final = "beta.kubernetes.io/instance-type"
ARCH: Final = "kubernetes.io/arch"
OS: Final = "kubernetes.io/os"
CAPACITY_TYPE_LABELS: Final = (
    "eks.amazonaws.com/capacityType",
    "karpenter.sh/capacity-type",
    "node.kubernetes.io/lifecycle",
    "lifecycle",
)
"""Labels that say, with a value of `spot` in any case or `Ec2Spot`, that a node may be taken away."""

POD_IP: Final = "aws-addons.io/pod-ip"
"""Extended resource: addresses for pods, that the cni counts on its nodes."""

NO_POD_IPS: Final = "aws-addons.io/no-pod-ips"
"""Taint that the cni gives a node for as long as it has no address left."""

PRIORITY_CONFIG_MAP: Final = "cluster-autoscaler-priority-expander"
INTENTS_SUFFIX: Final = "-intents"
"""Behind the name of the Lease, so that each autoscaler has a ConfigMap of its own: what was ordered and what
came of it, so that a restart forgets neither."""
ROLLS_CONFIG_MAP: Final = "aws-addons-autoscaler-rolls"
"""Groups that are being rolled, so that nobody removes the nodes that a roll has ordered."""
LAST_UPDATED: Final = "cluster-autoscaler.kubernetes.io/last-updated"

ORIGINAL_LEASE: Final = "cluster-autoscaler"
"""Where the original writes down which of its replicas leads, in kube-system."""

# Reasons of Events, as the original.
TRIGGERED_SCALE_UP: Final = "TriggeredScaleUp"
NOT_TRIGGER_SCALE_UP: Final = "NotTriggerScaleUp"
SCALED_UP_GROUP: Final = "ScaledUpGroup"
FAILED_TO_SCALE_UP_GROUP: Final = "FailedToScaleUpGroup"
SCALE_UP_TIMED_OUT: Final = "ScaleUpTimedOut"
SCALE_DOWN: Final = "ScaleDown"
SCALE_DOWN_FAILED: Final = "ScaleDownFailed"
DELETE_UNREGISTERED: Final = "DeleteUnregistered"
"""On the status: an instance that never became a node goes."""

# Reasons of Events, ours.
NO_SCALE_DOWN: Final = "NoScaleDown"
"""On a node: why it stays although little of it is used."""
SCALE_UP_REFUTED: Final = "ScaleUpRefuted"
"""On a group: its new nodes took none of the pods they were ordered for, and why."""
GROUP_DEGRADED: Final = "GroupDegraded"
GROUP_NOT_FOUND: Final = "GroupNotFound"
"""A group of --nodes that AWS does not have."""
GROUP_UNUSABLE: Final = "GroupUnusable"
"""A group that cannot be worked with as it is, and is left alone."""
MESSAGE_UNREADABLE: Final = "MessageUnreadable"
"""A message of --interruption-queue that is none of the notices which belong there."""
DRAIN_RESUMED: Final = "DrainResumed"
DRAIN_ABANDONED: Final = "DrainAbandoned"
"""On a node: a removal that somebody has begun and nobody ends is undone."""
INTERRUPTED: Final = "Interrupted"
OTHER_CONTROLLER: Final = "OtherControllerLeads"
ON_SPOT: Final = "OnSpotNode"
"""We run on a node that may be taken away at any time."""
CLOCKS_DIFFER: Final = "ClocksDiffer"
"""Our clock and that of the API server show times that are more than a minute apart."""
MEMORY_LOST: Final = "MemoryLost"
"""What was remembered cannot be read, or not be written."""
STATUS_NOT_WRITTEN: Final = "StatusNotWritten"
ON_NODE: Final = "OnNode"
"""A pod waits for nothing."""
IN_GROUP: Final = "InGroup"
"""Of which group a node is."""
NODE_NOT_READY: Final = "NodeNotReady"
UNKNOWN_OBJECT: Final = "UnknownObject"
"""There is no object of the name that was asked about."""
ROLL_ABANDONED: Final = "RollAbandoned"
"""On a group: a roll of it was begun, and nobody goes on with it."""
BAD_SETTING: Final = "BadSetting"
"""A tag of a group, or a priority, that cannot be read."""

# Codes: why a pod does not fit a node, or a group's next node.
INSUFFICIENT: Final = "Insufficient"
SELECTOR_MISMATCH: Final = "NodeAffinityMismatch"
UNTOLERATED_TAINT: Final = "UntoleratedTaint"
PORT_TAKEN: Final = "HostPortTaken"
POD_AFFINITY: Final = "PodAffinityUnsatisfied"
POD_ANTI_AFFINITY: Final = "PodAntiAffinity"
TOPOLOGY_SPREAD: Final = "TopologySpread"
VOLUME_ZONE: Final = "VolumeZone"
VOLUME_LIMIT: Final = "VolumeLimit"
VOLUME_MISSING: Final = "VolumeMissing"
UNSCHEDULABLE: Final = "NodeUnschedulable"

# Codes: why a group does not grow now.
AT_MAX: Final = "MaxSizeReached"
BACKED_OFF: Final = "BackedOff"
PROBING: Final = "Probing"
REFUTED: Final = "Refuted"
NO_TEMPLATE: Final = "NoTemplate"
DEGRADED: Final = "Degraded"
UNHEALTHY: Final = "Unhealthy"
STEP_LIMIT: Final = "StepLimit"
TOTAL_LIMIT: Final = "TotalLimit"
SUBNET_FULL: Final = "SubnetFull"
BREAKER_OPEN: Final = "BreakerOpen"
NOT_CHOSEN: Final = "NotChosen"
LAUNCH_SUSPENDED: Final = "LaunchSuspended"
STALE_VIEW: Final = "StaleView"

# Codes: why a pod does not count as pending.
OF_DAEMONSET: Final = "DaemonSetPod"
TOO_YOUNG: Final = "TooYoung"
EXPENDABLE: Final = "Expendable"
OTHER_SCHEDULER: Final = "OtherScheduler"
NOT_SELECTED: Final = "NotSelected"
GATED: Final = "SchedulingGated"
FITS_EXISTING: Final = "FitsExisting"
FITS_UPCOMING: Final = "FitsUpcoming"
NOT_TRIED: Final = "NotTriedYet"
"""The scheduler has not called it unschedulable."""

# Codes: why a node stays.
NOT_UNDERUTILIZED: Final = "NotUnderutilized"
NOT_UNNEEDED_LONG: Final = "NotUnneededLong"
NO_PLACE_TO_MOVE: Final = "NoPlaceToMovePods"
MIN_SIZE: Final = "MinSizeReached"
CLUSTER_MINIMUM: Final = "ClusterMinimum"
COOLDOWN: Final = "Cooldown"
DISABLED_BY_ANNOTATION: Final = "ScaleDownDisabledAnnotation"
SCALE_DOWN_OFF: Final = "ScaleDownDisabled"
OWN_NODE: Final = "OwnNode"
NO_GROUP: Final = "NotInAnyGroup"
BEING_REMOVED: Final = "BeingRemoved"
BEING_ROLLED: Final = "BeingRolled"
"""Somebody is replacing the instances of its group."""
PARALLELISM: Final = "TooManyAtOnce"
RECENTLY_FAILED: Final = "RecentlyFailed"
STILL_STARTING: Final = "StillStarting"
RECEIVES_PODS: Final = "ReceivesPods"
"""Pods of a node that goes are to move to it."""
INSTANCE_PROTECTED: Final = "InstanceProtected"
BLOCKED_NOT_REPLICATED: Final = "PodNotReplicated"
BLOCKED_MIN_REPLICAS: Final = "PodBelowMinReplicas"
BLOCKED_CONTROLLER_MISSING: Final = "PodControllerMissing"
BLOCKED_KUBE_SYSTEM: Final = "PodInKubeSystem"
BLOCKED_LOCAL_STORAGE: Final = "PodLocalStorage"
BLOCKED_NOT_SAFE: Final = "PodNotSafeToEvict"
BLOCKED_BUDGET: Final = "PodDisruptionBudget"
BLOCKED_SEVERAL_BUDGETS: Final = "PodSeveralDisruptionBudgets"

# Codes: why a node that was to go was given back.
POD_OUTLIVES_GRACE: Final = "PodOutlivesGrace"
EVICTION_REFUSED: Final = "EvictionRefused"
NODE_REPLACED: Final = "NodeReplaced"
"""The node is gone, or another one has its name."""
TERMINATION_FAILED: Final = "TerminationFailed"
"""AWS does not end the instance."""
