"""What the volumes of a pod demand of its node: where they are, and that they can be attached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from addons.autoscaler import names
from addons.autoscaler.desired.quantities import amount
from addons.autoscaler.desired.selectors import node_terms_of
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import NodeTerm, Requirement
from addons.autoscaler.model.resources import Amounts
from addons.runtime.unread_objects import fault_of

EBS_DRIVER = "ebs.csi.aws.com"
_IN_TREE = {"kubernetes.io/aws-ebs": EBS_DRIVER}
_NO_PROVISIONER = ("", "kubernetes.io/no-provisioner")
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_PLACES = {
    names.ZONE: names.ZONE,
    names.REGION: names.REGION,
    names.OLD_ZONE: names.ZONE,
    names.OLD_REGION: names.REGION,
}
"""Labels of volumes that say where they are -> the label of nodes that says it today."""
_BETWEEN_PLACES = "__"

Alternatives = tuple[NodeTerm, ...]


class Storage(Protocol):
    """The claims, volumes and classes of the cluster."""

    def claim(self, namespace: str, name: str) -> objects.PersistentVolumeClaim | None:
        """A claim."""

    def volume(self, name: str) -> objects.PersistentVolume | None:
        """A volume."""

    def storage_class(self, name: str) -> objects.StorageClass | None:
        """A class of storage."""

    def unclaimed(self, storage_class: str) -> Iterable[objects.PersistentVolume]:
        """The volumes of a class that nobody has."""


@dataclass(frozen=True, slots=True)
class VolumeDemand:
    """For the fields of the same names see PodClass; `missing` says what cannot be had at all."""

    terms: tuple[Alternatives, ...] = ()
    volumes: Amounts = field(default_factory=dict)
    missing: str = ""


def demand_of(namespace: str, claims: Sequence[str], storage: Storage) -> VolumeDemand:
    """What the claims of a pod demand together; the first that cannot be met is told."""
    terms: list[Alternatives] = []
    counts: dict[str, int] = {}
    for name in dict.fromkeys(claims):
        found = _demand_of_claim(namespace, name, storage)
        if found.missing:
            return VolumeDemand(missing=found.missing)
        terms += [each for each in found.terms if each not in terms]
        for driver, count in found.volumes.items():
            counts[driver] = counts.get(driver, 0) + count
    return VolumeDemand(tuple(terms), counts)


def _demand_of_claim(namespace: str, name: str, storage: Storage) -> VolumeDemand:
    claim = storage.claim(namespace, name)
    if claim is None:
        return VolumeDemand(missing=f"the claim {name} does not exist")
    if fault := fault_of(claim):
        return VolumeDemand(missing=f"the claim {name} cannot be read: {fault}")
    if claim.metadata.deletion_timestamp is not None:
        return VolumeDemand(missing=f"the claim {name} is being deleted")
    if claim.spec.volume_name:
        return _demand_of_volume(claim.spec.volume_name, name, storage)
    return _demand_of_unbound(claim, storage)


def _demand_of_volume(name: str, claim: str, storage: Storage) -> VolumeDemand:
    """A volume that is there can be used where it is."""
    volume = storage.volume(name)
    if volume is None:
        return VolumeDemand(missing=f"the volume {name} of the claim {claim} does not exist")
    if fault := fault_of(volume):
        return VolumeDemand(missing=f"the volume {name} of the claim {claim} cannot be read: {fault}")
    driver = _driver_of(volume)
    return VolumeDemand(tuple(_terms_of(volume)), {driver: 1} if driver else {})


def _demand_of_unbound(claim: objects.PersistentVolumeClaim, storage: Storage) -> VolumeDemand:
    """A volume is made for the node of the first pod, if the class says so; else it must be there."""
    name = claim.metadata.name
    wanted = claim.spec.storage_class_name or claim.metadata.annotations.get(_OLD_CLASS, "")
    found = storage.storage_class(wanted) if wanted else None
    if found is None:
        why = f"its class of storage {wanted} does not exist" if wanted else "it has no class of storage"
        return VolumeDemand(missing=f"the claim {name} has no volume, and {why}")
    if fault := fault_of(found):
        return VolumeDemand(missing=f"the class of storage {wanted} cannot be read: {fault}")
    if found.volume_binding_mode != "WaitForFirstConsumer":
        return VolumeDemand(
            missing=f"the claim {name} has no volume yet; the class {wanted} makes it at once"
        )
    if selected := claim.metadata.annotations.get(_SELECTED_NODE):
        chosen = NodeTerm(fields=(Requirement("metadata.name", "In", (selected,)),))
        return VolumeDemand(((chosen,),), _count_of_class(found))
    return _demand_of_new(claim, found, storage)


def _demand_of_new(
    claim: objects.PersistentVolumeClaim, found: objects.StorageClass, storage: Storage
) -> VolumeDemand:
    """A volume of the class can be made where its topologies say; or there are some that will do."""
    fitting = [each for each in storage.unclaimed(found.metadata.name) if _will_do(each, claim)]
    if found.provisioner in _NO_PROVISIONER:
        if not fitting:
            return VolumeDemand(
                missing=f"the claim {claim.metadata.name} has no volume, and none of the class "
                f"{found.metadata.name} is free"
            )
        return VolumeDemand(_any_of(fitting))
    anywhere = any(not term.match_label_expressions for term in found.allowed_topologies)
    if anywhere or not found.allowed_topologies:
        return VolumeDemand((), _count_of_class(found))
    places = tuple(
        NodeTerm(tuple(Requirement(each.key, "In", each.values) for each in term.match_label_expressions))
        for term in found.allowed_topologies
    )
    return VolumeDemand((places,), _count_of_class(found))


def _any_of(volumes: Iterable[objects.PersistentVolume]) -> tuple[Alternatives, ...]:
    """One of the volumes must be in reach; nothing is demanded if one can be used anywhere."""
    alternatives: list[NodeTerm] = []
    for volume in volumes:
        if volume.spec.node_affinity is None or volume.spec.node_affinity.required is None:
            return ()
        alternatives += node_terms_of(volume.spec.node_affinity.required)
    return (tuple(dict.fromkeys(alternatives)),)


def _will_do(volume: objects.PersistentVolume, claim: objects.PersistentVolumeClaim) -> bool:
    """Whether a volume offers the space and the kinds of access that a claim asks for."""
    if not set(claim.spec.access_modes) <= set(volume.spec.access_modes):
        return False
    try:
        wanted = amount("storage", claim.spec.resources.requests.get("storage", 0))
        return amount("storage", volume.spec.capacity.get("storage", 0)) >= wanted
    except ValueError:
        return False


def _terms_of(volume: objects.PersistentVolume) -> Iterable[Alternatives]:
    """What a volume says of nodes: by its affinity, and by its labels as before there was any."""
    affinity = volume.spec.node_affinity
    if affinity is not None and affinity.required is not None:
        yield node_terms_of(affinity.required)
    nowhere = NodeTerm(tuple(Requirement(key, "DoesNotExist") for key in _PLACES))
    for key, text in sorted(volume.metadata.labels.items()):
        if key in _PLACES:
            values = tuple(sorted(text.split(_BETWEEN_PLACES)))
            keys = dict.fromkeys((key, _PLACES[key]))
            yield (*(NodeTerm((Requirement(each, "In", values),)) for each in keys), nowhere)


def _driver_of(volume: objects.PersistentVolume) -> str:
    """Whose count of attached volumes it adds to; "" for a volume that is not attached."""
    if volume.spec.csi is not None:
        return volume.spec.csi.driver
    return EBS_DRIVER if volume.spec.aws_elastic_block_store is not None else ""


def _count_of_class(found: objects.StorageClass) -> Amounts:
    return {_IN_TREE.get(found.provisioner, found.provisioner): 1}
