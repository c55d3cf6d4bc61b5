"""What was ordered and what came of it: the memory of the autoscaler, small enough for a ConfigMap."""

from typing import Literal

from msgspec import Struct

State = Literal[
    "requested", "launching", "registered", "ready", "absorbed", "launch-failed", "never-joined", "refuted"
]
"""An intent goes from left to right; the last four end it."""


class Intent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order of `count` nodes for a group, and where its pods were expected to be. Times: Unix seconds.

    `target` is the desired capacity that was asked for. `template` tells from what the nodes were foretold:
    source, launch template, digest. `first_ready` is when the first node was ready; `absorbed` are the
    classes of which its nodes took pods, `instances` those that came for the order. `classes` counts the pods
    it was for by the digest of their class, `pods` are their uids (at most 50 of them).
    """

    id: str
    group: str
    count: int
    at: float
    template: str
    target: int = 0
    state: State = "requested"
    since: float = 0.0
    first_ready: float = 0.0
    absorbed: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    classes: dict[str, int] = {}
    pods: tuple[str, ...] = ()
    why: str = ""
    is_probe: bool = False


class Refuted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """New nodes of a group took no pod of a class: the pair is held while template and class stay as they
    are. So is every class of which the same is demanded (`demand`).

    Once the template is another it `is_released`: the pair is tried again, by one node.
    """

    cls: str
    template: str
    demand: str = ""
    why: str
    at: float
    is_released: bool = False


class GroupRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a group. `proven` is the launch template whose nodes have joined and taken pods;
    `step` is how many nodes it may add at once until it is proven; failures in a row lead to `rests_until`.

    `took` are the demands of pods that nodes took which the tags foretold, each with the digest of that
    template. `undelivered` is how much of the capacity that AWS still owes has been given up, `owed_since`
    since when it owes the rest. `seen` tells of instances without a node when they were seen first.
    """

    intents: tuple[Intent, ...] = ()
    proven: str = ""
    step: int = 1
    failures: int = 0
    last_failure: float = 0.0
    failure: str = ""
    failure_code: str = ""
    rests_until: float = 0.0
    refuted: tuple[Refuted, ...] = ()
    took: tuple[str, ...] = ()
    undelivered: int = 0
    owed_since: float = 0.0
    seen: dict[str, float] = {}
    seen_activity: float = 0.0
    """Scaling activities up to this time are dealt with."""
    grown_at: float = 0.0
    shrunk_at: float = 0.0


class NodeRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a node: since when it is not needed, and the failures of its removal in a row."""

    unneeded_since: float = 0.0
    failures: int = 0
    last_failure: float = 0.0
    failure: str = ""


class Memory(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that outlives a pass. `failed_intents` are (time, group) of the last half hour: the cluster
    breaker."""

    groups: dict[str, GroupRecord] = {}
    nodes: dict[str, NodeRecord] = {}
    failed_intents: tuple[tuple[float, str], ...] = ()
