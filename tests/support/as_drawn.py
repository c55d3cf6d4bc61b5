"""Drawn classes of pods, nodes and templates that meet often: few names, few values, every kind of rule."""

from collections.abc import Sequence

from hypothesis import strategies as st

from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import (
    HostPort,
    NodeTerm,
    PodClass,
    PodTerm,
    Requirement,
    Spread,
    Taint,
    Toleration,
)

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NAMESPACES = {"x": {"team": "a"}, "y": {"team": "b"}, "z": {}}

apps = st.sampled_from(["a", "a", "b"])
keys = st.sampled_from([HOST, ZONE, "rack"])
pod_labels = st.fixed_dictionaries({"app": apps}, optional={"tier": st.sampled_from(["1", "2"])})
pod_selectors = st.one_of(
    apps.map(lambda app: (Requirement("app", "In", (app,)),)),
    apps.map(lambda app: (Requirement("app", "In", (app,)),)),
    st.just((Requirement("app", "Exists"),)),
    apps.map(lambda app: (Requirement("app", "NotIn", (app,)),)),
    st.just((Requirement("tier", "Exists"),)),
    st.just((Requirement("app", "In", ("a", "b")), Requirement("tier", "DoesNotExist"))),
    st.just(()),
    st.none(),
)
terms = st.builds(
    PodTerm,
    topology_key=keys,
    selector=pod_selectors,
    namespaces=st.sampled_from([(), (), ("x",), ("x", "y")]),
    namespace_selector=st.sampled_from([None, None, None, (), (Requirement("team", "In", ("a",)),)]),
)
spreads = st.builds(
    Spread,
    max_skew=st.integers(1, 2),
    topology_key=keys,
    selector=pod_selectors,
    min_domains=st.sampled_from([1, 1, 2, 4]),
    honors_affinity=st.booleans(),
    honors_taints=st.booleans(),
)
node_requirements = st.sampled_from(
    [
        Requirement("disk", "In", ("ssd",)),
        Requirement("disk", "NotIn", ("ssd",)),
        Requirement("disk", "Exists"),
        Requirement("disk", "DoesNotExist"),
        Requirement("size", "Gt", ("3",)),
        Requirement("size", "Lt", ("3",)),
        Requirement(ZONE, "In", ("a", "b")),
    ]
)
names = st.sampled_from(
    [
        Requirement("metadata.name", "In", ("n1",)),
        Requirement("metadata.name", "NotIn", ("n0",)),
    ]
)
node_terms = st.builds(
    NodeTerm,
    labels=st.lists(node_requirements, max_size=2).map(tuple),
    fields=st.sampled_from([0, 0, 0, 1]).flatmap(lambda size: st.lists(names, max_size=size).map(tuple)),
)
taints = st.sampled_from(
    [
        Taint("gpu", "yes", "NoSchedule"),
        Taint("gpu", "no", "NoExecute"),
        Taint("soft", "", "PreferNoSchedule"),
    ]
)
tolerations = st.sampled_from(
    [
        Toleration("gpu", "Exists"),
        Toleration("gpu", "Equal", "yes", "NoSchedule"),
        Toleration("", "Exists", "", "NoExecute"),
        Toleration("node.kubernetes.io/unschedulable", "Exists"),
    ]
)
ports = st.builds(
    HostPort,
    port=st.sampled_from([80, 81]),
    protocol=st.sampled_from(["TCP", "UDP"]),
    address=st.sampled_from(["", "0.0.0.0", "10.0.0.1", "10.0.0.2"]),
)


def some(what: st.SearchStrategy[object], share: int = 4) -> st.SearchStrategy[tuple[object, ...]]:
    """Mostly none, sometimes one or two."""
    sizes = st.sampled_from([0] * share + [1, 1, 2])
    return sizes.flatmap(lambda size: st.lists(what, min_size=size, max_size=size).map(tuple))


def one_or_two(what: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.sampled_from([1, 1, 1, 2]).flatmap(
        lambda size: st.lists(what, min_size=size, max_size=size).map(tuple)
    )


def none(_: object = None) -> st.SearchStrategy[tuple[object, ...]]:
    return st.just(())


amounts = st.fixed_dictionaries(
    {"pods": st.just(1), "cpu": st.sampled_from([0, 100, 100, 300, 500])},
    optional={"memory": st.sampled_from([1, 2]), "example.org/thing": st.sampled_from([0, 0, 1])},
)
RULES = {
    "node_selector": st.just({"disk": "ssd"}),
    "node_affinity": st.lists(node_terms, max_size=2).map(tuple),
    "tolerations": one_or_two(tolerations),
    "ports": one_or_two(ports),
    "affinity": one_or_two(terms),
    "anti_affinity": one_or_two(terms),
    "spread": one_or_two(spreads),
    "volume_terms": st.lists(node_terms, min_size=1, max_size=2).map(lambda each: (tuple(each),)),
    "volumes": st.sampled_from([{"ebs": 1}, {"ebs": 2}]),
}
"""Fields of a class that make rules; a class has few of them, so that its pods find a place now and then."""
OF_OTHERS = ("ports", "affinity", "anti_affinity", "spread")


@st.composite
def classes_with(draw: st.DrawFn, kinds: Sequence[str] = (*OF_OTHERS, *OF_OTHERS, *RULES)) -> PodClass:
    """A class with up to two kinds of rules."""
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=2, unique=True))
    rules = {each: draw(RULES[each]) for each in chosen}
    return PodClass(
        digest="d",
        namespace=draw(st.sampled_from(["x", "x", "x", "y", "z"])),
        labels=draw(pod_labels),
        requests=draw(amounts),
        **rules,  # type: ignore[arg-type]
    )


@st.composite
def host_classes(draw: st.DrawFn, keys: Sequence[str] = (HOST, HOST, HOST, ZONE)) -> PodClass:
    """A class with rules by host name, mostly about itself, that other rules seldom disturb."""
    own = (Requirement("app", "In", ("a",)),)
    spread = st.builds(
        Spread,
        max_skew=st.integers(1, 3),
        topology_key=st.sampled_from(keys),
        selector=st.sampled_from([own, own, (Requirement("app", "Exists"),)]),
        min_domains=st.sampled_from([1, 1, 3]),
    )
    apart = st.builds(PodTerm, topology_key=st.sampled_from(keys), selector=st.just(own))
    return PodClass(
        digest="d",
        namespace="x",
        labels={"app": draw(apps)},
        requests={"pods": 1, "cpu": draw(st.sampled_from([100, 200, 500]))},
        spread=draw(st.lists(spread, max_size=2).map(tuple)),
        anti_affinity=draw(st.sampled_from([False, False, False, True])) * (draw(apart),),
    )


classes = classes_with()
plain_classes = classes_with(("node_selector", "tolerations"))
node_labels = st.fixed_dictionaries(
    {ZONE: st.sampled_from(["a", "a", "b", "c"])},
    optional={
        "rack": st.sampled_from(["1", "2"]),
        "disk": st.sampled_from(["ssd", "ssd", "hdd"]),
        "size": st.sampled_from(["1", "5", "five"]),
    },
)
allocatable = st.fixed_dictionaries(
    {
        "pods": st.sampled_from([2, 4, 10]),
        "cpu": st.sampled_from([500, 1000, 2000]),
        "memory": st.sampled_from([3, 10]),
    },
    optional={"example.org/thing": st.just(2)},
)


@st.composite
def clusters(draw: st.DrawFn, least: int = 0) -> list[Node]:
    """Up to five nodes, n0, n1 and so on."""
    count = draw(st.integers(least, 5))
    return [
        Node(
            name=f"n{number}",
            uid="",
            instance="",
            zone="",
            labels={**draw(node_labels), HOST: f"n{number}"},
            taints=draw(some(taints, 6)),  # type: ignore[arg-type]
            allocatable=draw(allocatable),
            capacity={},
            created=0.0,
            not_ready_why=draw(st.sampled_from(["", "", "", "", "kubelet is silent"])),
            is_unschedulable=draw(st.sampled_from([False, False, False, True])),
            volume_limits=draw(st.sampled_from([{}, {"ebs": 3}])),
        )
        for number in range(count)
    ]


def templates(daemons: Sequence[PodClass] = ()) -> st.SearchStrategy[Template]:
    """The next node of a group, with some of these DaemonSet pods."""
    return st.builds(
        Template,
        group=st.just("g"),
        zone=st.just(""),
        labels=node_labels,
        taints=some(taints, 6),
        allocatable=allocatable,
        daemons=st.lists(st.sampled_from(daemons), max_size=2).map(tuple) if daemons else st.just(()),
        volume_limits=st.sampled_from([{}, {"ebs": 3}]),
    )
