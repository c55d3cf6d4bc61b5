"""Volumes that tie a pod to where they are: claims, the volumes they are bound to, classes that wait."""

from addons.sim.cluster.board import Board, NodeView, Object, PodView
from addons.sim.cluster.matching import term_holds
from addons.sim.kubeapi.status import StatusError

CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NO_PLACE = "node(s) did not have enough free storage"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
_STORAGE = "storage.k8s.io/v1"
_ZONE = "topology.kubernetes.io/zone"


def claims(pod: PodView, board: Board) -> list[tuple[str, Object | None]]:
    """The names of a pod's claims, each with the claim if there is one."""
    found = []
    for volume in pod.spec.get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            name = claim["claimName"]
            found.append((name, _get(board, "v1", "persistentvolumeclaims", pod.namespace, name)))
    return found


def claim_trouble(pod: PodView, board: Board) -> str:
    """What keeps a pod from every node: a claim that is not there, or is yet to be bound; else empty."""
    for name, claim in claims(pod, board):
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if not claim["spec"].get("volumeName") and not _waits(claim, board):
            return UNBOUND
    return ""


def volume_obstacles(pod: PodView, node: NodeView, board: Board) -> list[str]:
    """Whether the volumes of a pod can be had on a node."""
    for _, claim in claims(pod, board):
        if claim is None:
            continue
        if name := claim["spec"].get("volumeName"):
            volume = _get(board, "v1", "persistentvolumes", "", name) or {"spec": {}}
            required = (volume["spec"].get("nodeAffinity") or {}).get("required")
            terms = (required or {}).get("nodeSelectorTerms") or ()
            if required and not any(term_holds(term, node) for term in terms):
                return [CONFLICT]
        elif not _is_allowed(claim, node, board):
            return [NO_PLACE]
    return []


def provision(pod: PodView, node: NodeView, board: Board) -> None:
    """Make the volumes of claims that have waited for the pod to have a node, in the node's zone."""
    for name, claim in claims(pod, board):
        if claim is None or claim["spec"].get("volumeName"):
            continue
        zone = node.labels.get(_ZONE, "")
        volume = f"pvc-{claim['metadata']['uid']}"
        terms = [{"matchExpressions": [{"key": _ZONE, "operator": "In", "values": [zone]}]}]
        spec = {
            "capacity": claim["spec"].get("resources", {}).get("requests", {"storage": "1Gi"}),
            "accessModes": claim["spec"].get("accessModes", ["ReadWriteOnce"]),
            "storageClassName": claim["spec"].get("storageClassName", ""),
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": f"vol-{name}"},
            "claimRef": {"namespace": pod.namespace, "name": name, "uid": claim["metadata"]["uid"]},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        }
        board.store.create("v1", "persistentvolumes", {"metadata": {"name": volume}, "spec": spec})
        claim["spec"]["volumeName"] = volume
        claim["status"] = {"phase": "Bound"}
        board.store.update("v1", "persistentvolumeclaims", claim)


def _waits(claim: Object, board: Board) -> bool:
    class_ = _get(board, _STORAGE, "storageclasses", "", claim["spec"].get("storageClassName", ""))
    return bool(class_ and class_.get("volumeBindingMode") == "WaitForFirstConsumer")


def _is_allowed(claim: Object, node: NodeView, board: Board) -> bool:
    class_ = _get(board, _STORAGE, "storageclasses", "", claim["spec"].get("storageClassName", "")) or {}
    terms = class_.get("allowedTopologies") or ()
    return not terms or any(
        all(
            node.labels.get(each["key"]) in each["values"] for each in term.get("matchLabelExpressions") or ()
        )
        for term in terms
    )


def _get(board: Board, version: str, plural: str, namespace: str, name: str) -> Object | None:
    try:
        return board.store.get(version, plural, namespace, name)
    except StatusError:
        return None
