"""What is kept of pods, and which of their changes matter."""

from msgspec.structs import replace

from addons.dns.kube.pods import pods_of, shown, trim
from addons.dns.model.objects import EndpointSlice, SliceEndpoint
from addons.runtime.objects import Condition, ObjectMeta
from tests.support.dns_pods import pod, slices

POD = pod("db-0", "10.0.0.1")


def test_conditions_but_readiness_are_not_kept() -> None:
    conditions = (Condition(type="Initialized", status="True"), Condition(type="Ready", status="True"))
    kept = trim(replace(POD, status=replace(POD.status, conditions=conditions)))
    assert kept == replace(POD, status=replace(POD.status, conditions=conditions[1:]))


def test_a_change_that_no_record_could_show_does_not_matter() -> None:
    assert shown(POD) == shown(replace(POD, metadata=replace(POD.metadata, resource_version="7")))


def test_readiness_address_end_and_successor_matter() -> None:
    others = [
        pod("db-0", "10.0.0.1", ready=False),
        pod("db-0", "10.0.0.2"),
        pod("db-0", "10.0.0.1", leaving=True),
        replace(POD, metadata=replace(POD.metadata, uid="another")),
        None,
    ]
    assert [shown(other) == shown(POD) for other in others] == [False] * 5


def test_a_slice_lists_pods_and_may_list_other_endpoints() -> None:
    piece = slices(POD)[0]
    by_hand = SliceEndpoint(addresses=("192.0.2.1",))
    listed = EndpointSlice(
        metadata=ObjectMeta(name="x", namespace="web"), endpoints=(*piece.endpoints, by_hand)
    )
    assert list(pods_of(listed)) == [("web", "db-0")]
