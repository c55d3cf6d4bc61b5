"""The pods of the cluster by node, each read once when it changes, with what it refers to as that is now."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from msgspec.structs import force_setattr

from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.owners import with_controller
from addons.autoscaler.desired.pods import KeptPod, with_claims
from addons.autoscaler.desired.volumes import Storage
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import Pod, PodOwner
from addons.runtime.objects import Key, key
from addons.runtime.store import Change

FindController = Callable[[str, str, str], "objects.Controller | None"]
"""From the kind, namespace and name of a controller to the object."""


class PodRecords:
    """Follows pods, their controllers and their claims. What did not change since the last pass costs nothing
    in the next.
    """

    def __init__(self, classes: Classes, storage: Storage, controller: FindController) -> None:
        self._classes = classes
        self._storage = storage
        self._controller = controller
        self._kept: dict[Key, KeptPod] = {}
        self._by_node: dict[str, dict[Key, Pod]] = {}
        self._tuples: dict[str, tuple[Pod, ...]] = {}
        self._dirty: set[str] = set()
        self._owners: dict[str, PodOwner] = {}
        self._of_owner: defaultdict[str, set[Key]] = defaultdict(set)
        self._of_claim: defaultdict[Key, set[Key]] = defaultdict(set)
        self._stale: set[Key] = set()
        """Pods whose controller or claims have changed since they were looked up: a swarm of changes of one
        costs no more than the last of them."""

    def changed(self, change: Change[Any]) -> None:
        """A pod came, changed or went."""
        if change.old is not None:
            self._forget(change.old)
        if change.new is not None:
            self._take(change.new)

    def controller_changed(self, change: Change[Any]) -> None:
        """A controller came, changed or went."""
        for obj in filter(None, (change.old, change.new)):
            uid = obj.metadata.uid
            if (known := self._owners.pop(uid, None)) is None:
                continue
            if with_controller(known, change.new) == known:
                self._owners[uid] = known
                continue
            self._again(self._of_owner.get(uid, ()))

    def claim_changed(self, claim: Key) -> None:
        """A claim came, changed or went, or its volume did."""
        self._again(self._of_claim.get(claim, ()))

    def storage_changed(self) -> None:
        """A class of storage, or a volume that nobody has, came, changed or went."""
        self._again([each for found in self._of_claim.values() for each in found])

    def find(self, namespace: str, name: str) -> Pod | None:
        """A pod."""
        self._refresh()
        kept = self._kept.get((namespace, name))
        return self._by_node[kept.pod.node].get((namespace, name)) if kept else None

    def on(self, node: str) -> tuple[Pod, ...]:
        """The pods of one node."""
        self._refresh()
        return tuple(self._by_node.get(node, {}).values())

    @property
    def is_any_waiting(self) -> bool:
        """Whether a pod is on no node."""
        return bool(self._by_node.get(""))

    def by_node(self) -> Mapping[str, tuple[Pod, ...]]:
        """The pods of each node that has any, as they are now."""
        self._refresh()
        for node in self._dirty:
            if found := self._by_node.get(node):
                self._tuples[node] = tuple(found.values())
            else:
                self._tuples.pop(node, None)
        self._dirty.clear()
        return {node: pods for node, pods in self._tuples.items() if node}

    def waiting(self) -> tuple[Pod, ...]:
        """The pods on no node, oldest first."""
        self._refresh()
        found = self._by_node.get("", {}).values()
        return tuple(sorted(found, key=lambda pod: (pod.created, pod.namespace, pod.name)))

    def _take(self, kept: KeptPod) -> None:
        which = key(kept)
        self._kept[which] = kept
        if kept.pod.owner:
            self._of_owner[kept.pod.owner.uid].add(which)
        for claim in kept.claims:
            self._of_claim[kept.pod.namespace, claim].add(which)
        if kept.claims:
            self._stale.add(which)
            self._put(which, kept.pod)
        else:
            self._put(which, self._with_references(kept))

    def _put(self, which: Key, pod: Pod) -> None:
        self._by_node.setdefault(pod.node, {})[which] = pod
        self._dirty.add(pod.node)

    def _forget(self, kept: KeptPod) -> None:
        which, pod = key(kept), kept.pod
        self._kept.pop(which, None)
        self._stale.discard(which)
        if found := self._by_node.get(pod.node):
            found.pop(which, None)
            if not found:
                del self._by_node[pod.node]
            self._dirty.add(pod.node)
        if pod.owner and (pods := self._of_owner.get(pod.owner.uid)):
            pods.discard(which)
            if not pods:
                del self._of_owner[pod.owner.uid]
                self._owners.pop(pod.owner.uid, None)
        for claim in kept.claims:
            self._of_claim[pod.namespace, claim].discard(which)
            if not self._of_claim[pod.namespace, claim]:
                del self._of_claim[pod.namespace, claim]

    def _again(self, pods: Iterable[Key]) -> None:
        self._stale.update(pods)

    def _refresh(self) -> None:
        """Look up again what the pods refer to of which that has changed."""
        for which in self._stale:
            kept = self._kept[which]
            self._put(which, self._with_references(kept))
        self._stale.clear()

    def _with_references(self, kept: KeptPod) -> Pod:
        """The pod with its controller and claims as they are now; the one that is kept shares its memory."""
        pod = kept.pod
        if pod.owner is not None and (owner := self._owner(pod.owner, pod.namespace)) is not pod.owner:
            pod = replace(pod, owner=owner)
            force_setattr(kept, "pod", pod)
        if not kept.claims:
            return pod
        return with_claims(pod, kept.claims, self._storage, self._classes)

    def _owner(self, told: PodOwner, namespace: str) -> PodOwner:
        known = self._owners.get(told.uid)
        if known is None:
            known = with_controller(told, self._controller(told.kind, namespace, told.name))
            self._owners[told.uid] = known
        return known
