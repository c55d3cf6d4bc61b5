"""CustomResourceDefinitions: what they declare, and the status they get at once."""

from __future__ import annotations

from addons.sim.kubeapi.resources import Object, Resource


def establish(definition: Object, now: str) -> None:
    """Set the conditions that clients wait for before they create the first custom object."""
    status = definition.setdefault("status", {})
    if status.get("conditions"):
        return
    names = definition["spec"]["names"]
    definition["spec"].setdefault("conversion", {"strategy": "None"})
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    status["acceptedNames"] = names
    status["storedVersions"] = [v["name"] for v in definition["spec"]["versions"] if v.get("storage")]
    status["conditions"] = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
    ]


def _condition(kind: str, reason: str, message: str, now: str) -> Object:
    return {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}


def resources_of(definition: Object) -> list[Resource]:
    """The resources that a definition serves, one per served version."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Resource(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            kind=names["kind"],
            namespaced=spec.get("scope") == "Namespaced",
            short=tuple(names.get("shortNames") or ()),
            subresources=tuple(version.get("subresources") or ()),
            generation=True,
            custom=True,
            categories=tuple(names.get("categories") or ()),
        )
        for version in spec["versions"]
        if version.get("served")
    ]
