"""What the volumes of a pod demand of its node."""

from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.pods import pod_of, with_claims
from addons.autoscaler.desired.volumes import EBS_DRIVER, VolumeDemand, demand_of
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import NodeTerm, Requirement
from addons.runtime.unread_objects import stand_in
from tests.support.as_manifests import pod, read

ZONE = "topology.kubernetes.io/zone"
IN_A = NodeTerm((Requirement("topology.ebs.csi.aws.com/zone", "In", ("a",)),))
AFFINITY = """
nodeAffinity: {required: {nodeSelectorTerms: [
  {matchExpressions: [{key: topology.ebs.csi.aws.com/zone, operator: In, values: [a]}]}]}}
"""


@dataclass
class Shelf:
    """The claims, volumes and classes of a test."""

    claims: tuple[objects.PersistentVolumeClaim, ...] = ()
    volumes: tuple[objects.PersistentVolume, ...] = ()
    classes: tuple[objects.StorageClass, ...] = ()

    def claim(self, namespace: str, name: str) -> objects.PersistentVolumeClaim | None:
        return next(
            (each for each in self.claims if each.metadata.name == name and namespace == "shop"), None
        )

    def volume(self, name: str) -> objects.PersistentVolume | None:
        return next((each for each in self.volumes if each.metadata.name == name), None)

    def storage_class(self, name: str) -> objects.StorageClass | None:
        return next((each for each in self.classes if each.metadata.name == name), None)

    def unclaimed(self, storage_class: str) -> Iterable[objects.PersistentVolume]:
        free = (each for each in self.volumes if each.spec.claim_ref is None)
        return [each for each in free if each.spec.storage_class_name == storage_class]


def claim(spec: str, **meta: object) -> objects.PersistentVolumeClaim:
    return read(
        objects.PersistentVolumeClaim, {"metadata": {"name": "data", **meta}, "spec": yaml.safe_load(spec)}
    )


def volume(spec: str, name: str = "pv", **meta: object) -> objects.PersistentVolume:
    return read(objects.PersistentVolume, {"metadata": {"name": name, **meta}, "spec": yaml.safe_load(spec)})


def storage_class(text: str) -> objects.StorageClass:
    return read(objects.StorageClass, {"metadata": {"name": "gp3"}, **yaml.safe_load(text)})


LATE = "{provisioner: ebs.csi.aws.com, volumeBindingMode: WaitForFirstConsumer}"
UNBOUND = "{storageClassName: gp3, accessModes: [ReadWriteOnce], resources: {requests: {storage: 8Gi}}}"
LOCAL = "{provisioner: kubernetes.io/no-provisioner, volumeBindingMode: WaitForFirstConsumer}"


def demand(*things: object) -> VolumeDemand:
    shelf = Shelf(
        tuple(each for each in things if isinstance(each, objects.PersistentVolumeClaim)),
        tuple(each for each in things if isinstance(each, objects.PersistentVolume)),
        tuple(each for each in things if isinstance(each, objects.StorageClass)),
    )
    return demand_of("shop", ("data",), shelf)


class TestAVolumeThatIsThere:
    def test_it_is_used_where_it_is_and_attached(self) -> None:
        found = demand(claim("{volumeName: pv}"), volume("csi: {driver: ebs.csi.aws.com}" + AFFINITY))
        assert found == VolumeDemand(((IN_A,),), {EBS_DRIVER: 1})

    def test_one_of_before_csi_counts_as_what_it_became(self) -> None:
        found = demand(claim("{volumeName: pv}"), volume("awsElasticBlockStore: {volumeID: vol-1}"))
        assert found == VolumeDemand((), {EBS_DRIVER: 1})

    def test_its_labels_tell_where_it_is_too(self) -> None:
        (terms,) = demand(claim("{volumeName: pv}"), volume("{}", labels={ZONE: "a__b"})).terms
        assert terms[0] == NodeTerm((Requirement(ZONE, "In", ("a", "b")),))
        assert {each.operator for each in terms[1].labels} == {"DoesNotExist"}

    def test_one_that_is_gone_cannot_be_had(self) -> None:
        assert demand(claim("{volumeName: pv}")).missing == "the volume pv of the claim data does not exist"


class TestAVolumeThatIsMadeForTheFirstPod:
    def test_it_can_be_made_anywhere(self) -> None:
        assert demand(claim(UNBOUND), storage_class(LATE)) == VolumeDemand((), {EBS_DRIVER: 1})

    def test_or_where_the_class_permits(self) -> None:
        places = """
        allowedTopologies:
        - matchLabelExpressions: [{key: topology.ebs.csi.aws.com/zone, values: [a]}]
        """
        written = yaml.safe_load(LATE) | yaml.safe_load(places)
        assert demand(claim(UNBOUND), storage_class(yaml.safe_dump(written))).terms == ((IN_A,),)

    def test_a_place_without_any_label_is_everywhere(self) -> None:
        written = yaml.safe_load(LATE) | {"allowedTopologies": [{"matchLabelExpressions": []}]}
        assert demand(claim(UNBOUND), storage_class(yaml.safe_dump(written))).terms == ()

    def test_a_node_once_chosen_is_the_only_one(self) -> None:
        chosen = {"volume.kubernetes.io/selected-node": "n-7"}
        found = demand(claim(UNBOUND, annotations=chosen), storage_class(LATE))
        assert found.terms == ((NodeTerm(fields=(Requirement("metadata.name", "In", ("n-7",)),)),),)

    def test_the_old_name_of_a_provisioner_counts_for_the_new_driver(self) -> None:
        old = "{provisioner: kubernetes.io/aws-ebs, volumeBindingMode: WaitForFirstConsumer}"
        assert demand(claim(UNBOUND), storage_class(old)).volumes == {EBS_DRIVER: 1}


class TestAVolumeOfThoseThatAreFree:
    FREE = "{storageClassName: gp3, accessModes: [ReadWriteOnce], capacity: {storage: %s}, %s}"

    def test_one_of_them_must_be_in_reach(self) -> None:
        free = volume(self.FREE % ("9Gi", AFFINITY.strip().replace("\n", " ")))
        assert demand(claim(UNBOUND), storage_class(LOCAL), free).terms == ((IN_A,),)

    def test_small_ones_and_those_of_others_will_not_do(self) -> None:
        small = volume(self.FREE % ("7Gi", "local: {path: /x}"))
        taken = volume(self.FREE % ("9Gi", "claimRef: {name: other, namespace: shop}"), "other")
        found = demand(claim(UNBOUND), storage_class(LOCAL), small, taken)
        assert found.missing == "the claim data has no volume, and none of the class gp3 is free"


class TestWhatCannotBeHad:
    def test_a_claim_that_is_not_there(self) -> None:
        assert demand().missing == "the claim data does not exist"

    def test_what_cannot_be_read_is_named(self) -> None:
        fault = "spec is a number"
        bound, late = claim("{volumeName: pv}"), storage_class(LATE)
        unread = stand_in(objects.PersistentVolumeClaim, bound.metadata, fault)
        gone = stand_in(objects.PersistentVolume, volume("{}").metadata, fault)
        unknown = stand_in(objects.StorageClass, late.metadata, fault)
        assert demand(unread).missing == f"the claim data cannot be read: {fault}"
        assert demand(bound, gone).missing == f"the volume pv of the claim data cannot be read: {fault}"
        assert demand(claim(UNBOUND), unknown).missing == f"the class of storage gp3 cannot be read: {fault}"

    def test_a_claim_that_goes(self) -> None:
        going = claim(UNBOUND, deletionTimestamp="2026-11-01T12:00:00Z")
        assert demand(going).missing == "the claim data is being deleted"

    def test_a_volume_that_is_made_at_once_is_waited_for(self) -> None:
        found = demand(claim(UNBOUND), storage_class("{provisioner: ebs.csi.aws.com}"))
        assert found.missing == "the claim data has no volume yet; the class gp3 makes it at once"

    def test_a_class_that_is_not_there(self) -> None:
        assert demand(claim(UNBOUND)).missing == (
            "the claim data has no volume, and its class of storage gp3 does not exist"
        )

    def test_a_claim_without_class(self) -> None:
        assert demand(claim("{}")).missing == "the claim data has no volume, and it has no class of storage"


def test_pods_with_equal_demands_are_of_one_class() -> None:
    classes = Classes()
    shelf = Shelf((claim("{volumeName: pv}"),), (volume("csi: {driver: ebs.csi.aws.com}" + AFFINITY),))
    one, other = (with_claims(pod_of(pod(uid=uid), classes), ("data",), shelf, classes) for uid in ("1", "2"))
    assert one.cls is other.cls
    assert one.cls.volume_terms == ((IN_A,),)
    assert one.cls.digest != pod_of(pod(), classes).cls.digest
