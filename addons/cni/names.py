"""The public names of this daemon: tags, labels, taints, resources, reasons. A change breaks users."""

from typing import Final

# Tags and descriptions of network interfaces, as the original writes and reads them.
INSTANCE_TAG: Final = "node.k8s.amazonaws.com/instance_id"
CREATED_TAG: Final = "node.k8s.amazonaws.com/createdAt"
NO_MANAGE_TAG: Final = "node.k8s.amazonaws.com/no_manage"
CLUSTER_TAG: Final = "cluster.k8s.amazonaws.com/name"
OWNER_TAG: Final = "eks:eni:owner"
OWNER: Final = "amazon-vpc-cni"
DESCRIPTION_PREFIX: Final = "aws-K8S-"

# Tags of subnets.
SUBNET_ROLE_TAG: Final = "kubernetes.io/role/cni"
SUBNET_CLUSTER_TAG: Final = "cni.networking.k8s.aws/cluster/"
"""Followed by the name of a cluster; a subnet that has such tags serves these clusters only."""

ENI_CONFIG: Final = "k8s.amazonaws.com/eniConfig"
"""Annotation and label of nodes: which ENIConfig serves its pods; the settings may name others."""

POD_IP: Final = "aws-addons.io/pod-ip"
"""Extended resource of nodes: addresses for pods. The autoscaler reads the same name."""

NO_POD_IPS: Final = "aws-addons.io/no-pod-ips"
"""Taint (NoSchedule) of a node that has no address left."""

WEBHOOK: Final = "pod-ip.aws-addons.io"
"""The webhook that gives pods a limit of that resource, in its MutatingWebhookConfiguration."""

CONFLIST: Final = "10-aws.conflist"
PLUGIN: Final = "aws-addons-cni"
NETWORK: Final = "aws-cni"

# Reasons why an ADD waits, or is refused.
SUBNET_EXHAUSTED: Final = "SubnetExhausted"
NODE_FULL: Final = "NodeFull"
THROTTLED: Final = "Throttled"
EC2_DENIED: Final = "Ec2Denied"
EC2_FAILED: Final = "Ec2Failed"
GROWING: Final = "Growing"
COOLING: Final = "Cooling"
NOT_GROWING: Final = "NotGrowing"
POD_DELETED: Final = "PodDeleted"
POD_REPLACED: Final = "PodReplaced"
CONTAINER_DELETED: Final = "ContainerDeleted"
NOT_READY: Final = "NotReady"
JOURNAL_FAILED: Final = "JournalFailed"
PLUGIN_GONE: Final = "PluginGone"
WIRING_FAILED: Final = "WiringFailed"

# Reasons: what is said of a pod that is asked about.
ADDRESS_ASSIGNED: Final = "AddressAssigned"
POD_UNKNOWN: Final = "PodUnknown"
HOST_NETWORK: Final = "HostNetwork"
NOT_ASKED: Final = "NotAsked"

# Reasons: what was done to the pool.
ADDRESSES_ASSIGNED: Final = "AddressesAssigned"
ADDRESSES_RELEASED: Final = "AddressesReleased"
ENI_CREATED: Final = "EniCreated"
ENI_REPAIRED: Final = "EniRepaired"
ENI_DELETED: Final = "EniDeleted"
ENI_LEFT_BEHIND: Final = "EniLeftBehind"
ADDRESS_LOST: Final = "AddressLost"
ADDRESS_LEAKED: Final = "AddressLeaked"
NO_SHRINK: Final = "NoShrink"

# Reasons: faults in what administrators wrote.
ENI_CONFIG_MISSING: Final = "EniConfigMissing"
INVALID_ENI_CONFIG: Final = "InvalidEniConfig"
ROUTE_TABLES_UNREADABLE: Final = "RouteTablesUnreadable"

# Reasons: the capacity of the node, and the node itself.
NODE_UNKNOWN: Final = "NodeUnknown"
POD_IPS_EXHAUSTED: Final = "PodIpsExhausted"
