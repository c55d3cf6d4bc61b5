"""The settings of cni. The docstring below each field is its documentation, everywhere."""

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Annotated, Literal

from msgspec import Meta, field

from addons.runtime.setting_values import IPV4, Url, form, in_schema
from addons.runtime.settings import CommonConfig, SettingError, also_read

ENV_PREFIXES = ("ADDONS_CNI_",)
"""Prefix of our environment variables; those of the original are named beside each setting."""

RETIRED = {
    "--aws-vpc-k8s-plugin-log-file": "the plugin writes no log: the daemon tells what it did",
    "--enable-pod-eni": "security groups for single pods need a controller that only AWS has",
    "--enable-ipv6": "IPv4 only",
}
"""Flags that have no counterpart here -> what there is in their place."""

Network = Annotated[
    str, in_schema(rf"{IPV4}(/(3[0-2]|[12]?[0-9]))?", "a network or an address of IPv4, such as 10.0.0.0/8")
]
AbsolutePath = Annotated[str, form("/.*", "a path, from the root on")]
# The kernel takes 107 bytes for a socket; five are for the name under which it is made.
SocketPath = Annotated[str, form("/.{1,101}", "a path, from the root on, of at most 102 characters")]
VethPrefix = Annotated[str, form("[a-z][a-z0-9]{0,3}", "1 to 4 letters and digits, such as eni")]
TagKey = Annotated[str, form(".{1,128}", "the key of a tag or label")]
CniVersion = Literal["0.4.0", "1.0.0", "1.1.0"]
Count = Annotated[int, Meta(ge=0, le=10_000)]
Mtu = Annotated[int, Meta(ge=576, le=9001)]

_TAKEN_PREFIXES = ("eth", "lo", "vlan", "ens")


class Config(CommonConfig, frozen=True, kw_only=True):
    """Settings of cni; variables of amazon-vpc-cni-k8s keep their names and meanings."""

    listen: str = ":61678"
    """HOST:PORT for health, metrics and the status page; port 61678 is that of the original's metrics."""

    node: Annotated[str, also_read("MY_NODE_NAME")] = ""
    """The name of this node in Kubernetes. Required."""

    cluster_name: Annotated[str, also_read("CLUSTER_NAME")] = ""
    """Name of the cluster: a tag of every interface, and which subnets serve it."""

    warm_eni_target: Annotated[int | None, Meta(ge=0), also_read("WARM_ENI_TARGET")] = None
    """Keep so many whole interfaces free. Setting any WARM_ or MINIMUM_ target ends the demand policy."""

    warm_ip_target: Annotated[int | None, Meta(ge=0), also_read("WARM_IP_TARGET")] = None
    """Keep so many addresses free, as the original counts; cooling ones are not free here."""

    minimum_ip_target: Annotated[int | None, Meta(ge=0), also_read("MINIMUM_IP_TARGET")] = None
    """Hold at least so many addresses in all."""

    warm_prefix_target: Annotated[int | None, Meta(ge=0), also_read("WARM_PREFIX_TARGET")] = None
    """Keep so many whole prefixes free, with `--enable-prefix-delegation`."""

    enable_prefix_delegation: Annotated[bool, also_read("ENABLE_PREFIX_DELEGATION")] = False
    """Take blocks of 16 addresses in place of single ones; instances of the nitro kind only."""

    max_eni: Annotated[int | None, Meta(ge=0), also_read("MAX_ENI")] = None
    """Attach at most so many interfaces; 0 and nothing mean as many as the type of instance allows."""

    headroom: Annotated[int, Meta(ge=0, le=64)] = 8
    """Demand policy: free addresses for the next pods, at most; 16 more while pods come and go."""

    subnet_reserve: Annotated[str, form(r"[0-9]+|[0-9]+(\.[0-9]+)?%", "a number or a percentage")] = "5%"
    """Take no headroom from a subnet with less than this left; a percentage means 16 addresses at least."""

    idle_release: timedelta = timedelta(seconds=60)
    """Give addresses back that were free beyond the headroom for so long."""

    ip_cooldown_period: Annotated[int, Meta(ge=0, le=3600), also_read("IP_COOLDOWN_PERIOD")] = 30
    """Seconds for which a pod's address rests before another pod gets it."""

    minimum_cooldown: Annotated[int | None, Meta(ge=0)] = None
    """When nothing can grow, hand out addresses that rested at least so many seconds; without it, never."""

    add_timeout: timedelta = timedelta(seconds=30)
    """How long a new pod waits for an address before it is refused with the reason."""

    max_pods: Annotated[int | None, Meta(ge=1)] = None
    """Pods that this node runs at most; without it, what the node's status says."""

    snat: Literal["auto", "always", "never"] | None = None
    """Which traffic leaves with the node's address: `auto` only what the route table sends to an internet
    gateway, `always` all that leaves the VPC, `never` none. Without it: `auto`, or what the next one says."""

    externalsnat: Annotated[bool | None, also_read("AWS_VPC_K8S_CNI_EXTERNALSNAT")] = None
    """As the original has it: true is `--snat=never`, false is `--snat=always`. Use `--snat`."""

    exclude_snat_cidrs: Annotated[tuple[Network, ...], also_read("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS")] = ()
    """Networks that always see the pod's own address."""

    randomizesnat: Annotated[
        Literal["prng", "hashrandom", "none"], also_read("AWS_VPC_K8S_CNI_RANDOMIZESNAT")
    ] = "prng"
    """How source ports are chosen: `prng` at random, `hashrandom` at random by hash, `none` in order."""

    connmark: Annotated[
        str,
        form("0x[0-9a-fA-F]{1,8}|0|[1-9][0-9]{0,8}", "a number like 0x80"),
        also_read("AWS_VPC_K8S_CNI_CONNMARK"),
    ] = "0x80"
    """The bit that marks connections which must go by the first interface."""

    node_port_support: Annotated[bool, also_read("AWS_VPC_CNI_NODE_PORT_SUPPORT")] = True
    """Have NodePorts work for pods on other interfaces than the first."""

    eni_mtu: Annotated[Mtu, also_read("AWS_VPC_ENI_MTU")] = 9001
    """MTU of the node's other interfaces."""

    pod_mtu: Annotated[int | None, Meta(ge=576, le=9001), also_read("POD_MTU")] = None
    """MTU of pods; without it that of the interfaces."""

    veth_prefix: Annotated[VethPrefix, also_read("AWS_VPC_K8S_CNI_VETHPREFIX")] = "eni"
    """What the names of the host's ends of pods' links begin with."""

    rule_layout: Literal["table", "compat"] = "table"
    """`table` has one table of routes for all pods; `compat` two rules for each pod, as the original."""

    custom_network_cfg: Annotated[bool, also_read("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG")] = False
    """Pods get addresses by ENIConfigs, and none of the first interface."""

    eni_config_annotation_def: Annotated[TagKey, also_read("ENI_CONFIG_ANNOTATION_DEF")] = (
        "k8s.amazonaws.com/eniConfig"
    )
    """The node's annotation that names its ENIConfig; it wins over the label."""

    eni_config_label_def: Annotated[TagKey, also_read("ENI_CONFIG_LABEL_DEF")] = "k8s.amazonaws.com/eniConfig"
    """The node's label that names its ENIConfig, e.g. `topology.kubernetes.io/zone`."""

    enable_subnet_discovery: Annotated[bool, also_read("ENABLE_SUBNET_DISCOVERY")] = True
    """Make interfaces in all subnets of the zone that are tagged for it, the emptiest first."""

    additional_eni_tags: Annotated[dict[str, str], also_read("ADDITIONAL_ENI_TAGS")] = field(
        default_factory=dict
    )
    """More tags for interfaces: `key=value`, or JSON as the original takes it."""

    manage_untagged_eni: Annotated[bool, also_read("MANAGE_UNTAGGED_ENI")] = True
    """Manage attached interfaces that nobody tagged, too."""

    disable_leaked_eni_cleanup: Annotated[bool, also_read("DISABLE_LEAKED_ENI_CLEANUP")] = False
    """Leave interfaces alone that instances left behind. Else one elected node deletes them every hour."""

    lease_namespace: str = ""
    """Namespace of the Lease by which one node is elected for that. Without it: the namespace of the pod."""

    lease_name: str = ""
    """Name of that Lease. Without it: `aws-addons-cni`."""

    manage_enis_non_schedulable: Annotated[bool, also_read("AWS_MANAGE_ENIS_NON_SCHEDULABLE")] = False
    """Add interfaces on a cordoned node as well."""

    backing_store: Annotated[AbsolutePath, also_read("AWS_VPC_K8S_CNI_BACKING_STORE")] = (
        "/var/run/aws-node/ipam.json"
    )
    """The original's checkpoint, which is read once when the node is taken over."""

    state_dir: AbsolutePath = "/run/aws-addons/cni"
    """Where assignments are written down. It may be lost with a reboot, as pods are."""

    socket: SocketPath = "/run/aws-addons/cni.sock"
    """Where container runtimes, by the plugin, and our iamproxy ask."""

    cni_bin_dir: Annotated[AbsolutePath, also_read("HOST_CNI_BIN_PATH")] = "/host/opt/cni/bin"
    """Where the runtime's plugins are, as this daemon sees it."""

    cni_conf_dir: Annotated[AbsolutePath, also_read("HOST_CNI_CONFDIR_PATH")] = "/host/etc/cni/net.d"
    """Where the runtime's configurations are, as this daemon sees it."""

    cni_version: CniVersion = "1.0.0"
    """Version of the network configuration; containerd before 2 cannot run pods with 1.1.0."""

    chained_plugins: tuple[str, ...] = ("portmap",)
    """Plugins that the runtime calls after ours, from the same folder; `none` for none."""

    capacity: Literal["resource", "none"] = "resource"
    """Tell the scheduler how many addresses there are, as the resource `aws-addons.io/pod-ip`, or do not."""

    exhaustion_taint: bool = True
    """Taint the node with `aws-addons.io/no-pod-ips` while it has no address to give."""

    webhook_listen: str = ":9443"
    """HOST:PORT of `addons cni webhook`, which gives pods a limit of one `aws-addons.io/pod-ip`."""

    webhook_name: str = "aws-addons-cni"
    """Name of the webhook's Service and Secret; its MutatingWebhookConfiguration is `NAME.NAMESPACE`."""

    ec2_endpoint: Annotated[Url, also_read("AWS_EC2_ENDPOINT")] = ""
    """URL of EC2, for tests and for private endpoints."""

    imds_endpoint: Url = "http://169.254.169.254"
    """URL of the node's metadata."""

    audit_interval: timedelta = timedelta(minutes=1)
    """How often metadata, kernel and EC2 are compared with what is known."""

    def __post_init__(self) -> None:
        """Raise SettingError where settings contradict each other or cannot be read."""
        if self.veth_prefix in _TAKEN_PREFIXES:
            raise SettingError(f"--veth-prefix {self.veth_prefix}: other links are called so")
        for text in self.exclude_snat_cidrs:
            try:
                IPv4Network(text)
            except ValueError as error:
                raise SettingError(f"--exclude-snat-cidrs {text!r}: {error}") from None
        if self.snat and self.externalsnat is not None:
            raise SettingError("--externalsnat cannot go with --snat, which says more exactly what is wanted")
        if (
            self.enable_prefix_delegation
            and self.warm_prefix_target == 0
            and not (self.warm_ip_target or self.minimum_ip_target)
        ):
            raise SettingError("--warm-prefix-target 0: one of the targets must be more than 0 with prefixes")

    @property
    def snat_mode(self) -> Literal["auto", "always", "never"]:
        """What the two settings about it come to."""
        if self.externalsnat is not None:
            return "never" if self.externalsnat else "always"
        return self.snat or "auto"

    @property
    def is_demand_driven(self) -> bool:
        """Whether pods decide how many addresses are held, and none of the original's targets."""
        targets = (self.warm_eni_target, self.warm_ip_target, self.minimum_ip_target, self.warm_prefix_target)
        return all(target is None for target in targets)
