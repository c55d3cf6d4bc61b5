"""The settings of albingress. The docstring below each field is its documentation, everywhere."""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, field

from addons.runtime.selectors import PATTERN as SELECTOR
from addons.runtime.setting_values import Namespace, form, in_schema
from addons.runtime.settings import LeaderConfig, SettingError

ENV_PREFIXES = ("ADDONS_ALBINGRESS_",)
"""Prefix of our environment variables; the original reads none."""

_PACED = "calls are paced for each group of operations, and slowed down when AWS says so"
_TURNS = "every group and every target group has its own turn"
_OWN_CERTIFICATES = "`addons albingress webhook` makes its certificates itself"
_OTHERS = "Services of type LoadBalancer, Gateways and Global Accelerator are left to the original"
RETIRED = {
    "--alb-gateway-max-concurrent-reconciles": _OTHERS,
    "--aws-api-throttle": _PACED,
    "--aws-max-retries": "a failed call is made again as long as it is needed",
    "--default-pca-arn": "certificates are not made here, only found",
    "--enable-endpoint-slices": "EndpointSlices are always used",
    "--enable-leader-election": "it is --leader-elect, which is on by default",
    "--enable-shield": "Shield is left as it is",
    "--enable-waf": "WAF Classic is left as it is",
    "--feature-gates": "each gate that concerns Ingresses is a flag of its own, such as --enable-rgt-api",
    "--globalaccelerator-max-concurrent-reconciles": _OTHERS,
    "--health-probe-bind-addr": "health is answered at --listen",
    "--ingress-max-concurrent-reconciles": _TURNS,
    "--lb-stabilization-monitor-interval": _OTHERS,
    "--leader-election-id": "it is --leader-elect-name",
    "--leader-election-namespace": "it is --leader-elect-namespace",
    "--load-balancer-class": _OTHERS,
    "--metrics-bind-addr": "metrics are shown at --listen",
    "--nlb-gateway-max-concurrent-reconciles": _OTHERS,
    "--service-max-concurrent-reconciles": _OTHERS,
    "--service-target-eni-security-group-tags": "one group with kubernetes.io/cluster/<name> is enough",
    "--targetgroupbinding-max-concurrent-reconciles": _TURNS,
    "--targetgroupbinding-max-exponential-backoff-delay": "nothing rests for more than a minute",
    "--targetgroupbinding-requeue-duration": "health is asked for every 2 s while a pod waits for it",
    "--webhook-bind-port": "it is --webhook-listen, of `addons albingress webhook`",
    "--webhook-cert-dir": _OWN_CERTIFICATES,
    "--webhook-cert-file": _OWN_CERTIFICATES,
    "--webhook-key-file": _OWN_CERTIFICATES,
}
"""Flags of the original that have no counterpart here -> what there is in their place."""

ClusterName = Annotated[str, form(r"[^\s/]{1,100}", "the name of the cluster, as in its tags")]
VpcId = Annotated[str, form("vpc-[0-9a-z]+", "the id of a VPC, such as vpc-0123456789abcdef0")]
SecurityGroupId = Annotated[str, form("sg-[0-9a-z]+", "the id of a security group")]
TagKey = Annotated[str, form(".{1,128}", "the key of a tag")]
LabelSelector = Annotated[str, in_schema(SELECTOR, "a selector, such as app=web,tier in (a, b)")]
Percent = Annotated[int, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=1)]


class Config(LeaderConfig, frozen=True, kw_only=True):
    """Settings of albingress; flags of aws-load-balancer-controller keep their names and meanings."""

    listen: str = ":8080"
    """HOST:PORT for health, metrics and the status page; an empty host means all addresses."""

    cluster_name: ClusterName = ""
    """The name of the cluster: in the tags and names of all that is made. Required."""

    ingress_class: str = "alb"
    """The class that the annotation `kubernetes.io/ingress.class` must name; empty takes Ingresses without
    any class too."""

    aws_vpc_id: VpcId = ""
    """The VPC of the cluster. Without it: the one of this machine, by the metadata service."""

    aws_vpc_tags: dict[str, str] = field(default_factory=dict)
    """Tags by which the VPC is found, where neither its id is given nor the metadata service answers."""

    aws_api_endpoints: str = ""
    """URLs of services, as the original takes them: `elasticloadbalancing=http://...,ec2=http://...`."""

    watch_namespace: Namespace = ""
    """Look at Ingresses of this namespace only."""

    default_target_type: Literal["instance", "ip"] = "instance"
    """Where no annotation says it: traffic goes to NodePorts (instance) or straight to pods (ip)."""

    default_load_balancer_scheme: Literal["internal", "internet-facing"] = "internal"
    """Where no annotation says it: whether a load balancer has public addresses."""

    default_ssl_policy: Annotated[str, Meta(min_length=1)] = "ELBSecurityPolicy-2016-08"
    """Where no annotation says it: the TLS versions and ciphers of HTTPS listeners."""

    default_tags: dict[str, str] = field(default_factory=dict)
    """Tags of all that is made in AWS; they win over tags by annotation."""

    enable_default_tags_low_priority: bool = False
    """Have tags by annotation win over the default ones."""

    external_managed_tags: tuple[TagKey, ...] = ()
    """Keys of tags that somebody else manages: never written, changed or removed."""

    enable_backend_security_group: bool = True
    """Use one security group of the cluster as the source of what load balancers send to nodes and pods."""

    backend_security_group: SecurityGroupId = ""
    """Use this group for that, and make none."""

    enable_manage_backend_security_group_rules: bool = False
    """Write the rules of nodes' and pods' groups also for load balancers whose groups an annotation names."""

    disable_restricted_sg_rules: bool = False
    """Open all ports of nodes and pods to the load balancers in place of those in use."""

    disable_ingress_class_annotation: bool = False
    """Let nothing be selected by the annotation `kubernetes.io/ingress.class`."""

    disable_ingress_group_name_annotation: bool = False
    """Let no group be named by annotation."""

    allowed_certificate_authority_arns: tuple[str, ...] = ()
    """Find certificates only of these private authorities."""

    enable_wafv2: bool = True
    """Attach web ACLs by annotation; without an annotation nothing is touched."""

    tolerate_non_existent_backend_service: bool = True
    """Taken for compatibility: a Service that is not there costs only its own rules, always."""

    tolerate_non_existent_backend_action: bool = True
    """Taken for compatibility: an action that is not there costs only its own rules, always."""

    on_broken_rule: Literal["503", "keep"] = "503"
    """What becomes of a rule that cannot be made as asked for: it answers 503, or what AWS has stays."""

    strict: bool = False
    """Change nothing of a group while any member has a problem, as the original."""

    auth_on_http: Literal["protect", "forward"] = "protect"
    """What a rule with authentication does on an HTTP listener, where there is none: redirect to HTTPS or
    answer 503 (protect), or forward everybody without a login, as the original."""

    path_order: Literal["written", "spec"] = "written"
    """The order of rules: as written, by member, as the original; or as the Ingress specification has it:
    exact hosts first, then exact paths, then the longest."""

    merge_rules: bool = False
    """Put neighbouring rules that differ in one value only into one rule, to stay within the quota."""

    backend_grace: timedelta = timedelta(seconds=30)
    """Keep the targets and rules of a Service that is gone for so long: it may come again at once."""

    sync_period: timedelta = timedelta(minutes=15)
    """How often everything is compared with AWS, although nothing has changed."""

    drain: timedelta = timedelta(seconds=20)
    """How long a load balancer or target group that was replaced goes on serving before it is removed."""

    mass_delete: Percent = 50
    """Hold a plan that would delete more than this share of what is known, and more than ten things. What
    goes with Ingresses that somebody deletes does not count."""

    allow_mass_delete: bool = False
    """Carry out plans that delete more than that."""

    force_take_over: bool = False
    """Act although the original holds its lease `aws-load-balancer-controller-leader`."""

    enable_rgt_api: bool = True
    """Find what is ours by one listing of the tagging API; without it, by reading the tags of everything."""

    max_targets_per_target_group: Annotated[int, Meta(ge=0)] = 0
    """Register at most so many targets in a target group; 0 means all."""

    enable_endpoints_fail_open: bool = True
    """Register pods of nodes that do not answer where no other pod is ready."""

    enable_pod_readiness_gate_inject: bool = True
    """Have `addons albingress webhook` give new pods the readiness gates of their target groups, in
    namespaces with the label `elbv2.k8s.aws/pod-readiness-gate-inject: enabled`."""

    webhook_listen: str = ":9443"
    """HOST:PORT of `addons albingress webhook`, which does that."""

    webhook_name: str = "aws-addons-albingress"
    """Name of the webhook's Service and Secret; its MutatingWebhookConfiguration is `NAME.NAMESPACE`."""

    def __post_init__(self) -> None:
        """Raise SettingError where settings contradict each other or cannot be read."""
        if not self.cluster_name:
            raise SettingError("--cluster-name is required: all that is made is named and tagged with it")
        if self.backend_security_group and not self.enable_backend_security_group:
            raise SettingError(
                "--backend-security-group needs --enable-backend-security-group: it would serve nobody"
            )
