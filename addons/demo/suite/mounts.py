"""What a process has in place of a container's file system: folders that stand for its mounts.

Every path below a mount that is named in an argument, a variable or a file of a ConfigMap is moved to the
folder that stands for it. Folders of a node are its own, so that nodes do not see each other's sockets.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]
KERNEL = ("/proc/sys/net", "/var/run/netns", "/run/xtables.lock")
"""Folders of a node that are its kernel's: these are the machine's own."""
_FACTS = {
    "spec.nodeName": lambda pod: pod["spec"]["nodeName"],
    "metadata.name": lambda pod: pod["metadata"]["name"],
    "metadata.namespace": lambda pod: pod["metadata"]["namespace"],
    "metadata.uid": lambda pod: pod["metadata"]["uid"],
}


@dataclass(frozen=True)
class Mounts:
    """Where the mounts of one container are; keys are paths in the container."""

    places: Mapping[str, Path]

    def moved(self, text: str) -> str:
        """Give a text in which every path below a mount is the one that stands for it."""
        if not self.places:
            return text
        longest_first = sorted(self.places, key=len, reverse=True)
        pattern = rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.-])"
        return re.sub(pattern, lambda found: str(self.places[found[0]]), text)


def mount(api: KubeApi, pod: Object, container: Object, *, host: Path, own: Path) -> Mounts:
    """Make what a container mounts: below `host` what is the node's, below `own` what is the pod's."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
    places: dict[str, Path] = {}
    for each in container.get("volumeMounts", ()):
        volume = volumes[each["name"]]
        path = volume.get("hostPath", {}).get("path", "")
        if path not in KERNEL:
            place = host / path.lstrip("/") if path else own / each["name"]
            place.mkdir(parents=True, exist_ok=True)
            places[each["mountPath"]] = place
    mounts = Mounts(places)
    for each in container.get("volumeMounts", ()):
        if source := volumes[each["name"]].get("configMap"):
            data = api.store.get("v1", "configmaps", pod["metadata"]["namespace"], source["name"])["data"]
            for name, text in data.items():
                (places[each["mountPath"]] / name).write_text(mounts.moved(text))
    return mounts


def variables(pod: Object, container: Object, mounts: Mounts) -> dict[str, str]:
    """Give the variables of a container, written out or by the downward API."""
    return {item["name"]: mounts.moved(_value(item, pod)) for item in container.get("env", ())}


def _value(item: Object, pod: Object) -> str:
    if "value" in item:
        return str(item["value"])
    fact: Callable[[Object], str] = _FACTS[item["valueFrom"]["fieldRef"]["fieldPath"]]
    return fact(pod)


def access(api: KubeApi, pod: Object, url: str) -> str:
    """Give a kubeconfig that stands for the token of the pod's ServiceAccount; `url`: as the pod dials it."""
    namespace, account = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
    user = f"system:serviceaccount:{namespace}:{account}"
    if all(known.name != user for known in api.tokens.values()):
        api.store.get("v1", "serviceaccounts", namespace, account)
        api.add_user(user, groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}"))
    return api.kubeconfig(user, url=url)
