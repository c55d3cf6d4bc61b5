"""What keeps a pod off a node whatever is on it: cordon, taints, selector, node affinity, volumes."""

from dataclasses import replace

import pytest

from addons.autoscaler import names
from addons.autoscaler.model.pods import NodeTerm, PodClass, Requirement, Taint, Toleration
from addons.autoscaler.plan.fit import Site, why_not_site

POD = PodClass("d", "x", {}, {"pods": 1})
SITE = Site("n1", {"disk": "ssd", "size": "5", "zone": "a"}, ())


def wants(operator: str, *values: str, key: str = "disk") -> NodeTerm:
    return NodeTerm((Requirement(key, operator, values),))


def named(operator: str, *values: str) -> NodeTerm:
    return NodeTerm((), (Requirement("metadata.name", operator, values),))


def code(cls: PodClass, site: Site = SITE) -> str:
    why = why_not_site(cls, site)
    return why.code if why else ""


@pytest.mark.parametrize(
    ("terms", "fits"),
    [
        ([wants("In", "ssd", "hdd")], True),
        ([wants("In", "hdd")], False),
        ([wants("In", "x", key="rack")], False),
        ([wants("NotIn", "hdd")], True),
        ([wants("NotIn", "ssd")], False),
        ([wants("NotIn", "x", key="rack")], True),
        ([wants("Exists")], True),
        ([wants("Exists", key="rack")], False),
        ([wants("DoesNotExist", key="rack")], True),
        ([wants("DoesNotExist")], False),
        ([wants("Gt", "4", key="size")], True),
        ([wants("Gt", "5", key="size")], False),
        ([wants("Lt", "6", key="size")], True),
        ([wants("Lt", "5", key="size")], False),
        ([wants("Gt", "1", key="disk")], False),
        ([wants("Gt", "1", key="rack")], False),
        ([wants("Gt", "one", key="size")], False),
        ([wants("Gt", "1", "2", key="size")], False),
        ([wants("Like", "ssd")], False),
        ([named("In", "n1")], True),
        ([named("In", "n2")], False),
        ([named("NotIn", "n2")], True),
        ([named("NotIn", "n1")], False),
        ([wants("In", "hdd"), wants("In", "ssd")], True),
        ([NodeTerm((Requirement("disk", "Exists"), Requirement("zone", "In", ("b",))))], False),
        ([NodeTerm((Requirement("disk", "Exists"),), (Requirement("metadata.name", "In", ("n2",)),))], False),
        ([NodeTerm()], False),
        ([NodeTerm(), wants("Exists")], True),
        ([], False),
    ],
)
def test_a_required_node_affinity_needs_one_term_of_which_all_holds(
    terms: list[NodeTerm], fits: bool
) -> None:
    assert code(replace(POD, node_affinity=tuple(terms))) == ("" if fits else names.SELECTOR_MISMATCH)


@pytest.mark.parametrize(
    ("selector", "fits"),
    [({}, True), ({"disk": "ssd"}, True), ({"disk": "hdd"}, False), ({"rack": "1"}, False)],
)
def test_a_node_selector_needs_every_label(selector: dict[str, str], fits: bool) -> None:
    assert code(replace(POD, node_selector=selector)) == ("" if fits else names.SELECTOR_MISMATCH)


GPU = Taint("gpu", "yes", "NoSchedule")


@pytest.mark.parametrize(
    ("taint", "tolerations", "fits"),
    [
        (GPU, [], False),
        (Taint("gpu", "yes", "NoExecute"), [], False),
        (Taint("gpu", "yes", "PreferNoSchedule"), [], True),
        (GPU, [Toleration("gpu", "Equal", "yes", "NoSchedule")], True),
        (GPU, [Toleration("gpu", "", "yes")], True),
        (GPU, [Toleration("gpu", "Equal", "no")], False),
        (GPU, [Toleration("gpu", "Exists")], True),
        (GPU, [Toleration("gpu", "Exists", "", "NoExecute")], False),
        (GPU, [Toleration("disk", "Exists")], False),
        (GPU, [Toleration("", "Exists")], True),
        (GPU, [Toleration("disk", "Exists"), Toleration("", "Exists", "", "NoSchedule")], True),
        (Taint("age", "5"), [Toleration("age", "Gt", "4")], True),
        (Taint("age", "5"), [Toleration("age", "Gt", "5")], False),
        (Taint("age", "5"), [Toleration("age", "Lt", "6")], True),
        (Taint("age", "old"), [Toleration("age", "Lt", "6")], False),
        (Taint("age", "5"), [Toleration("age", "Near", "5")], False),
    ],
)
def test_a_hard_taint_needs_a_toleration(taint: Taint, tolerations: list[Toleration], fits: bool) -> None:
    cls = replace(POD, tolerations=tuple(tolerations))
    assert code(cls, SITE._replace(taints=(taint,))) == ("" if fits else names.UNTOLERATED_TAINT)


def test_a_cordoned_node_takes_only_pods_that_tolerate_it() -> None:
    cordoned = SITE._replace(is_unschedulable=True)
    assert code(POD, cordoned) == names.UNSCHEDULABLE
    tolerant = replace(POD, tolerations=(Toleration("node.kubernetes.io/unschedulable", "Exists"),))
    assert code(tolerant, cordoned) == ""


def test_each_volume_must_be_reachable_by_one_of_its_alternatives() -> None:
    in_a, in_b = wants("In", "a", key="zone"), wants("In", "b", key="zone")
    assert code(replace(POD, volume_terms=((in_b, in_a),))) == ""
    assert code(replace(POD, volume_terms=((in_a,), (in_b,)))) == names.VOLUME_ZONE


def test_a_missing_volume_keeps_a_pod_off_every_node() -> None:
    cls = replace(POD, missing_volume="claim data does not exist")
    why = why_not_site(cls, SITE)
    assert why is not None
    assert (why.code, why.message) == (names.VOLUME_MISSING, "claim data does not exist")


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (replace(POD, node_selector={"disk": "hdd"}), "node selector asks for disk=hdd, the node has ssd"),
        (replace(POD, node_selector={"rack": "1"}), "node selector asks for rack=1, the node has none"),
        (
            replace(POD, node_affinity=(wants("In", "b", "c", key="zone"),)),
            "node affinity asks for zone In b, c, the node has a",
        ),
        (
            replace(POD, node_affinity=(wants("Exists", key="rack"), wants("In", "hdd"))),
            "node affinity asks for rack Exists, the node has none; none of its 2 terms holds",
        ),
        (
            replace(POD, node_affinity=(named("In", "n2"),)),
            "node affinity asks for metadata.name In n2, the node is n1",
        ),
        (replace(POD, node_affinity=()), "node affinity has no term that can match"),
        (
            replace(POD, volume_terms=((wants("In", "b", key="zone"),),)),
            "a volume is elsewhere: asks for zone In b, the node has a",
        ),
    ],
)
def test_a_refusal_says_what_is_asked_and_what_there_is(cls: PodClass, words: str) -> None:
    why = why_not_site(cls, SITE)
    assert why is not None
    assert why.message == words


def test_a_taint_is_told_as_kubectl_writes_it() -> None:
    why = why_not_site(POD, SITE._replace(taints=(GPU,)))
    assert why is not None
    assert why.message == "taint gpu=yes:NoSchedule is not tolerated"
