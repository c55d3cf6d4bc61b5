"""The keys of the file that describes a matrix. The docstring below each is its documentation, everywhere."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from addons.autoscaler.model.matrix import Capacity

Word = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$",
        description="a word of at most 63 letters, digits, - _ and .",
    ),
]
Cluster = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][-A-Za-z0-9_]{0,99}$", description="the name of a cluster")
]
TypeName = Annotated[
    str, Meta(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$", description="a type of instance, such as m5.large")
]
Zone = Annotated[
    str,
    Meta(
        pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+(-[a-z]+-[0-9]+)?[a-z]$",
        description="a zone, such as eu-central-1a",
    ),
]
Subnet = Annotated[
    str, Meta(pattern=r"^subnet-[0-9a-z]+$", description="a subnet, such as subnet-0123456789abcdef0")
]
SecurityGroup = Annotated[
    str, Meta(pattern=r"^sg-[0-9a-z]+$", description="a security group, such as sg-0123456789abcdef0")
]
Image = Annotated[
    str,
    Meta(
        pattern=r"^(ami-[0-9a-z]+|(resolve:)?ssm:[A-Za-z0-9/_.-]+(:[0-9]+)?)$",
        description="an image: ami-0123456789abcdef0, ssm:/PARAMETER or resolve:ssm:/PARAMETER",
    ),
]
Duration = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$", description="a time with its unit, such as 30s or 1h30m"
    ),
]
Count = Annotated[int, Meta(ge=0, le=10_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Price = Annotated[float, Meta(ge=0, le=1_000_000)]
Texts = dict[str, str | None]
Pattern = Annotated[str, Meta(min_length=1, description="a name, in which * stands for anything")]
Patterns = Pattern | tuple[Pattern, ...]


class Device(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A volume of each instance."""

    device: Annotated[str, Meta(pattern=r"^(/dev/)?[a-z0-9]+$", description="a device, such as /dev/xvda")]
    """The device that the image knows it by."""

    size: Annotated[int, Meta(ge=1, le=65_536)] | UnsetType = UNSET
    """GiB. Without it: what the image says."""

    type: Literal["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"] = "gp3"
    """The type of volume."""

    iops: Annotated[int, Meta(ge=100, le=256_000)] | UnsetType = UNSET
    """Operations a second. Without it: what the type of volume has by itself."""

    throughput: Annotated[int, Meta(ge=125, le=2_000)] | UnsetType = UNSET
    """MiB a second, of gp3. Without it: what the type of volume has by itself."""

    encrypted: bool = True
    """Whether it is encrypted."""

    kms_key: str | UnsetType = UNSET
    """The key that encrypts it. Without it: the one of the account."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What cells are like."""

    image: Image | UnsetType = UNSET
    """The image: `ami-...`; `ssm:/PARAMETER`, which `plan` and `apply` look up, so that a new image is a roll
    in the plan; or `resolve:ssm:/PARAMETER`, which AWS looks up at each launch. Every cell needs one."""

    min_size: Count | UnsetType = field(name="min", default=UNSET)
    """How many instances there are at least. Without it: 0."""

    max_size: Count | UnsetType = field(name="max", default=UNSET)
    """How many instances there are at most. Every cell needs it."""

    labels: Texts | UnsetType = UNSET
    """Labels of nodes, for the kubelet and for the tags of the group. Nothing (`~`) takes one away."""

    taints: tuple[str, ...] | UnsetType = UNSET
    """Taints of nodes, `KEY=VALUE:EFFECT` or `KEY:EFFECT`, for the kubelet and for the tags of the group."""

    kernel: dict[str, str | int | None] | UnsetType = UNSET
    """Settings of the kernel, as sysctl names them."""

    user_data: str | UnsetType = UNSET
    """What instances run at their start, with placeholders such as `${kubeletArguments}`."""

    resources: dict[str, str | int | None] | UnsetType = UNSET
    """What nodes offer besides what their type tells, such as ephemeral-storage, for groups without nodes."""

    tags: Texts | UnsetType = UNSET
    """Tags of the group, its instances and their volumes."""

    key_name: str | UnsetType = UNSET
    """The key pair for SSH."""

    iam_instance_profile: str | UnsetType = UNSET
    """The instance profile, by its name or its ARN."""

    security_groups: tuple[SecurityGroup, ...] | UnsetType = UNSET
    """The security groups of instances."""

    block_devices: tuple[Device, ...] | UnsetType = UNSET
    """The volumes of instances. Without it: as the image has them."""

    spot_max_price: Price | UnsetType = UNSET
    """Dollars an hour that are paid for a spot instance at most. Without it: the price on demand."""

    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] | UnsetType = UNSET
    """The autoscaler's: higher ones grow first, with the expander `priority`."""

    price: Price | UnsetType = UNSET
    """The autoscaler's: dollars an hour of one instance, for the expander `price`."""

    max_step: Annotated[int, Meta(ge=1, le=10_000)] | UnsetType = UNSET
    """The autoscaler's: grow by no more nodes than this in one order."""

    max_node_provision_time: Duration | UnsetType = UNSET
    """The autoscaler's: a node that has not joined after this is given up."""

    utilization_threshold: Share | UnsetType = UNSET
    """The autoscaler's: nodes that are used less than this may go."""

    gpu_utilization_threshold: Share | UnsetType = UNSET
    """The autoscaler's: the same for nodes with GPUs."""

    unneeded_time: Duration | UnsetType = UNSET
    """The autoscaler's: a node goes when it was not needed for so long."""

    unready_time: Duration | UnsetType = UNSET
    """The autoscaler's: a node that is not ready goes after this."""

    ignore_daemonsets: bool | UnsetType = UNSET
    """The autoscaler's: whether pods of DaemonSets count as use of a node."""

    heartbeat_timeout: Duration | UnsetType = UNSET
    """How long the end of an instance waits for its drain: 30s to 2h. Without it: 5m."""

    keep: bool | UnsetType = UNSET
    """Whether the stack stays when the file has the cell no more."""

    termination_protection: bool | UnsetType = UNSET
    """Whether the stack is protected from being deleted."""


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which cells: a name, or a list of names, for each dimension that matters."""

    instance_types: Patterns | UnsetType = UNSET
    """Types of instances."""

    capacity: Patterns | UnsetType = UNSET
    """`on-demand` or `spot`."""

    zones: Patterns | UnsetType = UNSET
    """Zones."""

    services: Patterns | UnsetType = UNSET
    """Services."""


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What some cells have in place of what all have; later ones win."""

    match: Match
    """Which cells."""

    settings: Settings = field(name="set")
    """What is so in them."""


class Dimensions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What there is a cell for, in all combinations."""

    instance_types: tuple[TypeName, ...] | dict[TypeName, Settings | None]
    """Types of instances: a list, or each with what its cells are like."""

    capacity: tuple[Capacity, ...] | dict[Capacity, Settings | None] = ("on-demand",)
    """`on-demand`, `spot` or both: a list, or each with what its cells are like."""

    zones: dict[Zone, Subnet | tuple[Subnet, ...]]
    """Zones, each with its subnets."""

    services: tuple[Word, ...] | dict[Word, Settings | None]
    """What the nodes are for: a list, or each with what its cells are like."""


class MatrixFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A matrix of auto scaling groups."""

    matrix: Word
    """The name of the matrix: it marks its stacks, and never changes."""

    cluster: Cluster
    """The cluster that the nodes join."""

    defaults: Settings = Settings()
    """What all cells are like."""

    dimensions: Dimensions
    """What there is a cell for, in all combinations."""

    exclude: tuple[Match, ...] = ()
    """Combinations without a cell."""

    include: tuple[Match, ...] = ()
    """Cells besides: all combinations of these; a dimension that is left out means all of it."""

    cells: tuple[Override, ...] = ()
    """What some cells have in place of what all have; later ones win."""

    keep: tuple[Pattern, ...] = ()
    """Names of stacks that stay although the file has no cell for them; * stands for anything."""
