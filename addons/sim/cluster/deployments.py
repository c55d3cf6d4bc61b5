"""Deployments, each of which keeps a ReplicaSet, and has the next one with another template."""

import copy
import hashlib
import json
from typing import Any

from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
APPS = "apps/v1"
_HASH = "pod-template-hash"


class Deployments:
    """Makes ReplicaSets and their sizes follow. The old pods go when all new ones are ready, and not before.

    That is the strategy with `maxSurge: 100%` and `maxUnavailable: 0`, whatever a Deployment says.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def look(self) -> None:
        """Bring every Deployment in line."""
        owned: dict[str, list[Object]] = {}
        for each in self._store.list(APPS, "replicasets"):
            for owner in each["metadata"].get("ownerReferences") or ():
                owned.setdefault(owner["uid"], []).append(each)
        for each in self._store.list(APPS, "deployments"):
            if "deletionTimestamp" not in each["metadata"]:
                self._follow(each, owned.get(each["metadata"]["uid"], []))

    def _follow(self, deployment: Object, sets: list[Object]) -> None:
        wanted = int(deployment["spec"].get("replicas", 1))
        mark = _mark(deployment)
        current = next((each for each in sets if each["metadata"]["labels"].get(_HASH) == mark), None)
        if current is None:
            current = self._make(deployment, mark, wanted)
        self._scale(current, wanted)
        ready = int((current.get("status") or {}).get("readyReplicas", 0))
        for old in sets:
            if old["metadata"]["uid"] != current["metadata"]["uid"] and ready >= wanted:
                self._scale(old, 0)
        self._tell(deployment, sets, ready)

    def _make(self, deployment: Object, mark: str, wanted: int) -> Object:
        metadata, spec = deployment["metadata"], copy.deepcopy(deployment["spec"])
        template, selector = spec["template"], spec["selector"]
        template["metadata"]["labels"] = {**template["metadata"].get("labels", {}), _HASH: mark}
        selector["matchLabels"] = {**selector.get("matchLabels", {}), _HASH: mark}
        owner = {
            "apiVersion": APPS,
            "kind": "Deployment",
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        about = {
            "name": f"{metadata['name']}-{mark}",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner],
        }
        made = {"replicas": wanted, "selector": selector, "template": template}
        return self._store.create(APPS, "replicasets", {"metadata": about, "spec": made})

    def _scale(self, owned: Object, replicas: int) -> None:
        if owned["spec"].get("replicas") != replicas:
            owned["spec"]["replicas"] = replicas
            self._store.update(APPS, "replicasets", owned)

    def _tell(self, deployment: Object, sets: list[Object], ready: int) -> None:
        status = {
            "replicas": sum(int((each.get("status") or {}).get("replicas", 0)) for each in sets),
            "updatedReplicas": int(deployment["spec"].get("replicas", 1)),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": deployment["metadata"].get("generation", 1),
        }
        if deployment.get("status") != status:
            deployment["status"] = status
            self._store.update(APPS, "deployments", deployment)


def _mark(deployment: Object) -> str:
    """What tells one template from another."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:9]
