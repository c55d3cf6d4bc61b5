"""The images that the nodes of the story have; a pod that asks for another one waits, and is told why."""

from typing import Any

from addons.demo.suite.application import IMAGE
from addons.demo.suite.charts import NAMESPACE, REPOSITORY
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]
_REASON = "ErrImagePull"


def is_application(pod: Object) -> bool:
    """Whether its containers are servers of the application."""
    return all(each["image"] == IMAGE for each in _containers(pod))


def missing(pod: Object) -> list[str]:
    """The images of a pod that it cannot have; that of the daemons is for their own pods alone."""
    is_ours = pod["metadata"]["namespace"] == NAMESPACE
    images = {each["image"] for each in _containers(pod)}
    return sorted(image for image in images if not is_ours or image.partition(":")[0] != REPOSITORY)


def waiting(pod: Object) -> list[Object]:
    """The statuses of containers that wait for an image, as a kubelet writes them."""
    waits = {"waiting": {"reason": _REASON, "message": _message(pod)}}
    return [
        {
            "name": each["name"],
            "image": each["image"],
            "imageID": "",
            "ready": False,
            "started": False,
            "restartCount": 0,
            "state": waits,
        }
        for each in pod["spec"]["containers"]
    ]


def tell(api: KubeApi, pod: Object) -> None:
    """Write the Event of a kubelet that could not pull an image."""
    about = {key: pod["metadata"][key] for key in ("namespace", "name", "uid")}
    now = pod["metadata"]["creationTimestamp"]
    api.store.create(
        "v1",
        "events",
        {
            "metadata": {"name": f"{about['name']}.image", "namespace": about["namespace"]},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", **about},
            "type": "Warning",
            "reason": "Failed",
            "message": _message(pod),
            "source": {"component": "kubelet"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        },
    )


def _message(pod: Object) -> str:
    images = ", ".join(missing(pod))
    return f"no image {images}: in the simulated world pods of yours can have {IMAGE!r} alone"


def _containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
