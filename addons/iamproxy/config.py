"""The settings of iamproxy. The docstring below each field is its documentation, everywhere."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal

from msgspec import Meta

from addons.iamproxy import names
from addons.iamproxy.roles import PART, ROLES, checked_base, role_arn
from addons.runtime.setting_values import IPV4, IPV6, Network, RoleArn, form, in_schema
from addons.runtime.settings import CommonConfig, SettingError, parse_listen

ENV_PREFIXES = ("ADDONS_IAMPROXY_",)
"""Prefix of the environment variables; kube2iam has none of its own."""

RETIRED = {
    "--api-server": "--kubeconfig says where the API server is",
    "--api-token": "--kubeconfig says how to log in",
    "--auto-discover-default-role": "it gives pods the role of the node; --default-role names another one",
    "--backoff-max-elapsed-time": "a pod that is not known yet is waited for 0.9 s, as long as SDKs wait",
    "--backoff-max-interval": "nothing is polled: the watch tells at once",
    "--cache-resync-period": "the watch needs none",
    "--debug": "/api/state at --listen shows what is known, without secrets",
    "--host-ip": "no address of the node is needed",
    "--iam-role-error-ttl": "a role that STS denies is asked for again after 30 s",
    "--insecure": "--kubeconfig says which certificates count",
    "--iptables": "--interceptor=nft, the default, makes the redirect",
    "--leader-elect": "every node has its own iamproxy, and all of them act",
    "--metrics-port": "metrics are at --listen",
    "--resolve-duplicate-cache-ips": "it is always known for sure whose an address is, or nobody is served",
    "--use-regional-sts-endpoint": "it is always used; --aws-region says which",
    "--verbose": "--log-level=debug",
}
"""Flags that have no counterpart here, most of them of kube2iam -> what there is in their place."""

Port = Annotated[int, Meta(ge=0, le=65535)]
AnnotationKey = Annotated[
    str,
    form(
        r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?",
        f"the name of an annotation, such as {names.ROLE}",
    ),
]
Account = Annotated[str, form("[0-9]{12}", "the 12 digits of an account")]
Interface = Annotated[str, form(r'!?[^\s/+!"]{1,15}\+?', "the name of an interface like eth0, eni+ or !eth0")]
SessionTemplate = Annotated[
    str,
    form(
        r"([A-Za-z0-9_+=,.@-]|\{(namespace|service-account|node|role)\})+",
        "letters, digits, _+=,.@- and {namespace}, {service-account}, {node}, {role}",
    ),
]
BaseArn = Annotated[
    str,
    in_schema(
        rf"{ROLES}(/{PART}+)*/?",
        "the beginning of the ARNs of roles, such as arn:aws:iam::123456789012:role/pods/",
        maxLength=256,
    ),
]
Role = Annotated[
    str,
    in_schema(
        rf"({ROLES}/|/?)({PART}+/)*{PART}{{1,64}}",
        "the name or the ARN of a role, such as web",
        maxLength=256,
    ),
]
Address = Annotated[str, in_schema(rf"{IPV4}|{IPV6}", "an IP address")]
SocketPath = Annotated[str, form("(/.*)?", "the path of a socket, from the root on")]
MetadataKey = Literal[
    "ami-id",
    "hostname",
    "instance-id",
    "instance-life-cycle",
    "instance-type",
    "local-hostname",
    "local-ipv4",
    "mac",
    "placement/availability-zone",
    "placement/availability-zone-id",
    "placement/group-name",
    "placement/host-id",
    "placement/partition-number",
    "placement/region",
    "public-hostname",
    "public-ipv4",
    "reservation-id",
    "services/domain",
    "services/partition",
]
"""The metadata of a node that may be shown to its pods at all."""

_ANY_BASE = "arn:aws:iam::123456789012:role/"

_SHORTEST_TTL = timedelta(minutes=5)
_LONGEST_TTL = timedelta(hours=6)


class Config(CommonConfig, frozen=True, kw_only=True):
    """Settings of iamproxy; flags of kube2iam keep their names and meanings."""

    listen: str = ":8182"
    """HOST:PORT for health, metrics and the status page; the node itself and `--admin-networks` reach it."""

    admin_networks: tuple[Network, ...] = ()
    """Networks from which health, metrics and the status page may be read: `10.0.0.0/16`, for Prometheus."""

    aws_region: str = ""
    """AWS region. Without it: `$AWS_REGION`, else what the AWS configuration says, else that of the node."""

    app_port: Port = 8181
    """The port on which pods are served: they reach it only by dialling the metadata address."""

    node: str = ""
    """The name of this node: only its pods are served. Required."""

    base_role_arn: BaseArn = ""
    """Put before role names that are no ARN: `arn:aws:iam::123456789012:role/`."""

    auto_discover_base_arn: bool = False
    """Ask STS for the account and partition of the base ARN: those of our own credentials."""

    default_role: Role = ""
    """The role of pods that ask for none. Their namespace must allow it like any other."""

    iam_role_key: AnnotationKey = names.ROLE
    """The annotation of pods that names their role."""

    iam_external_id: AnnotationKey = names.EXTERNAL_ID
    """The annotation of pods that holds the external id."""

    namespace_key: AnnotationKey = names.ALLOWED_ROLES
    """The annotation of namespaces that lists the roles allowed there."""

    namespace_restrictions: bool = True
    """Give pods only roles that their namespace allows. Without, pods choose their role freely."""

    namespace_restriction_format: Literal["glob", "regexp"] = "glob"
    """How namespaces list roles: with `*` for anything, or as regular expressions. Both match whole ARNs."""

    allowed_accounts: tuple[Account, ...] = ()
    """Accounts whose roles pods may have at all, besides that of the base ARN. Without it: any."""

    policy_file: str = ""
    """YAML file with rules of the cluster's administrator; a role must then be allowed there as well."""

    iam_role_session_ttl: timedelta = timedelta(minutes=30)
    """Renew credentials after this time. A session lasts twice as long, and an hour at least."""

    credential_source: Literal["node", "web-identity"] = "node"
    """What assumes pods' roles: our credentials, or a token of the pod's ServiceAccount (web identity)."""

    assume_role_arn: RoleArn = ""
    """Assume this role first, and the pods' roles with it: the node's role then needs no other right."""

    token_audience: str = "sts.amazonaws.com"  # noqa: S105
    """With web identity: the audience of the tokens."""

    session_name: SessionTemplate = "{namespace}.{service-account}"
    """Session name, shown by CloudTrail, of pods without one of their own; may hold `{node}` and `{role}`."""

    session_tags: bool = False
    """Tag sessions with namespace and ServiceAccount. Trust policies must then permit `sts:TagSession`."""

    sts_rate: Annotated[float, Meta(gt=0)] = 20.0
    """Calls to STS in a second that this node may make."""

    prefetch: bool = True
    """Fetch credentials when a pod is scheduled to this node, not only when it asks for them."""

    imdsv2: Literal["optional", "required"] = "optional"
    """Whether pods must ask for a session token first, as with the node's metadata (version 2)."""

    token_key_file: str = ""
    """Keep the key of session tokens in this file, so that they outlive a restart; without it in memory."""

    metadata_addr: Address = "169.254.169.254"
    """The address of the node's own metadata service."""

    metadata_allow: tuple[MetadataKey, ...] = ("placement/availability-zone", "placement/region")
    """What pods may read of the node's metadata, each below `meta-data/`, exactly as written."""

    instance_identity: Literal["made", "none"] = "made"
    """Whether pods find an identity document and an instance id, `made` of what they may see, or none."""

    interceptor: Literal["nft", "none"] = "nft"
    """What brings the pods' requests here: rules of our own in nftables, or something else."""

    host_interface: tuple[Interface, ...] = ()
    """Redirect only what comes in by these interfaces, and drop the rest; `eni+` is all that begin so."""

    cni_socket: SocketPath = "/run/aws-addons/cni.sock"
    """Where our cni tells which pod has which address; without it the API server is believed."""

    def __post_init__(self) -> None:
        """Raise SettingError where settings contradict each other or cannot be read."""
        _check_role("base-role-arn", self.base_role_arn, checked_base)
        _check_role("default-role", self.default_role, lambda role: role_arn(role, _some_base(self)))
        _check_ports(self)
        _check_networks(self.admin_networks)
        if not _SHORTEST_TTL <= self.iam_role_session_ttl <= _LONGEST_TTL:
            seconds = self.iam_role_session_ttl.total_seconds()
            raise SettingError(f"--iam-role-session-ttl {seconds:g}s: not between 5m and 6h")
        _check_address(self.metadata_addr)
        _check_source(self)


def _check_role(flag: str, written: str, read: Callable[[str], str]) -> None:
    try:
        if written:
            read(written)
    except ValueError as error:
        raise SettingError(f"--{flag} {error}") from None


def _some_base(config: Config) -> str:
    """A base by which role names can be checked; empty when there will never be one."""
    return base_arn(config) or (_ANY_BASE if config.auto_discover_base_arn else "")


def _check_ports(config: "Config") -> None:
    """The page would be served to pods: the kernel spreads connections over all who listen on a port."""
    port, listen = config.app_port, config.listen
    if port == 0 and config.interceptor == "nft":
        raise SettingError("--app-port 0: the redirect of --interceptor nft needs a port that is known")
    if port and parse_listen(listen)[1] == port:
        raise SettingError(f"--app-port {port}: the port of --listen {listen}; each needs its own")


def _check_networks(texts: tuple[str, ...]) -> None:
    for text in texts:
        try:
            ip_network(text)
        except ValueError as error:
            raise SettingError(f"--admin-networks {text!r}: {error}") from error


def _check_address(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise SettingError(f"--metadata-addr {text!r}: not an IP address") from None


def _check_source(config: Config) -> None:
    if config.credential_source == "node":
        return
    for flag, value in (("session-tags", config.session_tags), ("assume-role-arn", config.assume_role_arn)):
        if value:
            raise SettingError(f"--{flag} cannot go with --credential-source web-identity")


def base_arn(config: Config) -> str:
    """What stands before role names, with `/` at its end; empty when it is not known, or not yet."""
    return checked_base(config.base_role_arn) if config.base_role_arn else ""


def asks_for_base(config: Config) -> bool:
    """Whether STS has to tell what stands before role names."""
    return config.auto_discover_base_arn and not config.base_role_arn
