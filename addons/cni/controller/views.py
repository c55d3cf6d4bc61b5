"""What the socket tells beside the verbs: who has which address, and why a pod has none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from addons.cni.config import Config
from addons.cni.controller.state import eni_rows, pod_rows
from addons.cni.kube.watches import NodeWatches
from addons.cni.server.operations import View
from addons.cni.server.views import AssignmentsView
from addons.runtime.decisions import Decisions
from addons.runtime.errors import Unavailable
from addons.runtime.setting_values import to_yaml

if TYPE_CHECKING:
    from addons.cni.controller.node import Node


def views(config: Config, node: "Node", watched: NodeWatches, decisions: Decisions) -> dict[str, View]:
    """The paths of the socket, each with what answers it."""

    def why(query: Mapping[str, str]) -> Any:
        namespace, slash, name = query.get("pod", "").partition("/")
        if not (namespace and slash and name):
            raise ValueError("?pod=NAMESPACE/NAME is needed")
        return decisions.newest(f"pod/{namespace}/{name}")

    listed = AssignmentsView(node.journal.allocations)

    def assignments(query: Mapping[str, str]) -> Any:
        if not node.journal.allocations.is_recovered:
            raise Unavailable("it is not known yet what pods have")
        return listed(query)

    return {
        "/v1/assignments": assignments,
        "/v1/why": why,
        "/v1/pods": lambda query: pod_rows(node),
        "/v1/enis": lambda query: eni_rows(node.pool.view()),
        "/v1/eni-configs": lambda query: {
            name: {"subnet": each.spec.subnet, "securityGroups": list(each.spec.security_groups)}
            for name, each in watched.eni_configs().items()
        },
        "/v1/env": lambda query: {key: to_yaml(value) for key, value in asdict(config).items()},
    }
