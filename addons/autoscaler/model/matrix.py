"""The matrix of groups: the cells that a file asks for, the stacks that there are, and what is to become of
them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from addons.autoscaler import names
from addons.autoscaler.model.groups import Instance
from addons.autoscaler.model.pods import Labels, Taint

Capacity = Literal["on-demand", "spot"]

StackState = Literal["settled", "busy", "empty", "failed", "stuck", "going"]
"""`settled`: it can be updated. `busy`: something is being done with it, and it may be looked at again.
`empty`: a change set was made for it and never carried out. `failed`: it was never made, and is removed
before it is made anew. `stuck`: an update of it could be neither done nor undone, and a person has to help.
`going`: it is being deleted."""

PlanKind = Literal["create", "update", "roll", "delete", "nothing"]
"""What a stack needs. `update`: in place, no instance differs. `roll`: in place too, but its instances are of
an older launch template afterwards, until they are rolled."""


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A volume of each instance; `size` in GiB, 0 where the image says. `iops` and `throughput` (MiB/s): 0
    means what the type of volume has by itself."""

    device: str
    size: int = 0
    type: str = "gp3"
    iops: int = 0
    throughput: int = 0
    encrypted: bool = True
    key: str = ""
    """The key that encrypts it; "": the one of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A group that the file asks for. `name` is that of its stack and of its group.

    `image` is `ami-...`, `resolve:ssm:PARAMETER` (AWS looks it up at each launch), or `ssm:PARAMETER` as long
    as nobody has looked it up. `user_data` is what instances get, with all placeholders filled in. `options`
    are the autoscaler's options as their tags have them: key -> text. `heartbeat_seconds` is how long the end
    of an instance waits for its drain.
    """

    name: str
    matrix: str
    cluster: str
    service: str
    instance_type: str
    capacity: Capacity
    zone: str
    subnets: tuple[str, ...]
    min_size: int
    max_size: int
    image: str
    labels: Labels = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    kernel: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    user_data_template: str = ""
    """What the file says of it."""
    user_data: str = ""
    key_name: str = ""
    instance_profile: str = ""
    security_groups: tuple[str, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    spot_price: float | None = None
    """Dollars an hour that are paid at most; None: up to the price on demand."""
    heartbeat_seconds: int = 300
    keeps: bool = False
    """Its stack stays when the file has the cell no more."""
    is_protected: bool = False
    """Its stack has termination protection."""

    @property
    def id(self) -> str:
        """SERVICE/TYPE/CAPACITY/ZONE: unique in a matrix, and in the tags of its stack."""
        return f"{self.service}/{self.instance_type}/{self.capacity}/{self.zone}"

    @property
    def parameter(self) -> str:
        """The parameter of SSM that says which image; "" where the image is known or AWS looks it up."""
        return self.image.removeprefix("ssm:") if self.image.startswith("ssm:") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a cell asks for, in digests that are the same in every process.

    `digest` is of all; `launch` of what an instance is launched from: where two launches are equal, instances
    need not be replaced. `parts` (name of a key in the file -> short digest, or the value itself) tells in
    words what differs.
    """

    digest: str
    launch: str
    parts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack as DescribeStacks tells it. `status` and `reason` are AWS's words."""

    name: str
    id: str = ""
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    is_protected: bool = False

    @property
    def state(self) -> StackState:
        """What can be done with it."""
        status = self.status
        if status == "REVIEW_IN_PROGRESS":
            return "empty"
        if status == "DELETE_IN_PROGRESS":
            return "going"
        if status.endswith("_IN_PROGRESS"):
            return "busy"
        if status in ("UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"):
            return "stuck"
        if status in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
            return "failed"
        return "settled"

    @property
    def has_nothing(self) -> bool:
        """Whether none of what it names is there: a group of its name is somebody else's."""
        return self.status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")

    @property
    def owner(self) -> tuple[str, str]:
        """Cluster and matrix that it belongs to; empty words where no matrix made it."""
        return self.tags.get(names.MATRIX_CLUSTER_TAG, ""), self.tags.get(names.MATRIX_TAG, "")

    @property
    def spec(self) -> Spec:
        """What it was last asked to be, by its tags."""
        return Spec(
            digest=self.tags.get(names.SPEC_TAG, ""),
            launch=self.tags.get(names.LAUNCH_TAG, ""),
            parts=self.tags.get(names.PARTS_TAG, ""),
        )

    @property
    def keeps(self) -> bool:
        """Whether a tag says that it stays, whatever the file says."""
        return self.tags.get(names.KEEP_TAG, "").lower() == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """What a stack needs, with reasons in words. `cell` is None where the file has it no more, `stack` where
    there is none yet.

    `blocked` says why nothing can be done with it, and what helps; "" where something can.
    """

    name: str
    kind: PlanKind
    reasons: tuple[str, ...] = ()
    cell: Cell | None = None
    stack: Stack | None = None
    spec: Spec | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    """The template for CloudFormation, where there is a cell."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The tags of the stack, where there is a cell."""
    is_remade: bool = False
    """What is left of the stack is removed before it is made."""
    is_busy: bool = False
    """Something is being done with it already: wait until that is over, then look again."""
    blocked: str = ""

    @property
    def is_change(self) -> bool:
        """Whether there is anything to do, or to wait for."""
        return self.kind != "nothing" or self.is_busy


@dataclass(frozen=True, slots=True, kw_only=True)
class RollInstance:
    """An instance of a group that may be rolled, with what its node tells.

    `image` and `launch` ("" where nobody knows) are what it was launched from: the image that it runs, and
    its tag with the digest of the launch. `is_ready`: its node is Ready and settled, so that pods can use it.
    """

    instance: Instance
    node: str = ""
    image: str = ""
    launch: str = ""
    is_ready: bool = False

    @property
    def id(self) -> str:
        """The id of the instance."""
        return self.instance.id


@dataclass(frozen=True, slots=True, kw_only=True)
class RollGroup:
    """A group as it is, for a roll. `launch_template`, `image` and `launch` are what the next instance is
    launched from; "" where that is not known, so that it does not count. `cannot_launch`: its process Launch
    is suspended."""

    name: str
    min_size: int
    max_size: int
    desired: int
    instances: tuple[RollInstance, ...] = ()
    launch_template: str = ""
    image: str = ""
    launch: str = ""
    cannot_launch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBatch:
    """What a roll has begun, as it is written down before anything is done: these old instances are replaced
    together, and `base` was the desired capacity before. A roll that was killed goes on from it."""

    base: int
    instances: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollStep:
    """The next thing to do with a group.

    `begin`: write down `batch`, then look again. `surge`: raise the desired capacity to `target`. `wait`: for
    what `why` says. `drain`: drain the node of `instance`, then end the instance: with `decrement` the group
    shrinks by it, without, AWS replaces it. `done`: no instance differs any more. `paused`: nothing can be
    done; `why` says what helps.
    """

    kind: Literal["begin", "surge", "wait", "drain", "done", "paused"]
    why: str
    batch: RollBatch | None = None
    target: int = 0
    instance: str = ""
    decrement: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RollPlan:
    """What differs in a group (instance -> why, in words), and the next step."""

    group: str
    outdated: Mapping[str, str] = field(default_factory=dict)
    step: RollStep
