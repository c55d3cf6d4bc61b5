"""What an account has in CloudFormation. Stacks change in place; templates and wishes never do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Recreation = Literal["Never", "Conditionally", "Always"]
Verb = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a template; `default` None: a value must be given."""

    name: str
    type: str = "String"
    default: str | None = None
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    shortest: int | None = None
    longest: int | None = None
    is_hidden: bool = False
    description: str = ""
    constraint: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource as a template declares it; `needs` are the logical ids that come before it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    needs: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    keeps_sizes: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """A template that could be read; `order` has the logical ids so that each comes after what it needs."""

    body: str
    description: str
    parameters: Mapping[str, Parameter]
    resources: Mapping[str, Declared]
    outputs: Mapping[str, Mapping[str, Any]]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a stack is asked to be."""

    template: Template
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()


@dataclass
class Resource:
    """A resource of a stack; `properties` and `attributes` are those of the last time it was carried out.

    `number` tells a replacement from what it replaces, for both may have the same physical id.
    """

    logical_id: str
    type: str
    since: datetime
    number: int
    physical_id: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    reason: str = ""
    drift: str = "NOT_CHECKED"


@dataclass(frozen=True, slots=True)
class Event:
    """A line of what has happened to a stack."""

    id: str
    at: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    properties: Mapping[str, Any] | None = None
    token: str = ""


@dataclass
class Undoing:
    """What an update that goes back needs to know: how it was, and what is to be removed afterwards."""

    before: Mapping[str, Resource]
    touched: set[str]


@dataclass
class Stack:
    """A stack. `work` is what is being done to it; `undoing` is there while a rollback is not through."""

    id: str
    name: str
    created: datetime
    wish: Wish
    status: str = ""
    reason: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    updated: datetime | None = None
    deleted: datetime | None = None
    change_set_id: str = ""
    on_failure: str = "ROLLBACK"
    is_protected: bool = False
    token: str = ""
    work: Iterator[float] | None = None
    undoing: Undoing | None = None
    drift: str = "NOT_CHECKED"
    drift_checked: datetime | None = None

    @property
    def is_gone(self) -> bool:
        """Whether its name is free again."""
        return self.status == "DELETE_COMPLETE"


@dataclass
class ChangeSet:
    """A change set; `changes` is as DescribeChangeSet shows it."""

    id: str
    name: str
    stack_id: str
    kind: str
    wish: Wish
    created: datetime
    description: str = ""
    status: str = "CREATE_PENDING"
    reason: str = ""
    execution: str = "UNAVAILABLE"
    changes: list[dict[str, Any]] = field(default_factory=list)
    on_failure: str = "ROLLBACK"


@dataclass
class Order:
    """A failure on order: of a resource of a stack, when it is made, changed or deleted, so often."""

    stack: str
    logical_id: str
    message: str
    verbs: frozenset[str]
    times: int | None = 1

    def meets(self, stack: Stack, logical_id: str, verb: str) -> bool:
        """Say whether this is about the resource."""
        return (
            self.stack in (stack.name, stack.id, "*") and self.logical_id == logical_id and verb in self.verbs
        )
