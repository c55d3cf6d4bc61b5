"""How tests are spread over the workers of xdist: each goes where there is time, with few exceptions."""

import re

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

_SHARED = (
    (r"tests/e2e/test_suite\.py", "the suite"),
    (r"tests/e2e/test_iamproxy(_uninstall|_web_identity)?\.py", "the nodes of iamproxy"),
    (r"tests/e2e/test_(nodes|pod_records)\.py", "the nodes of dns"),
    (r"tests/e2e/test_(cni|fabric_nodes)\.py", "the nodes of cni"),
    (r"tests/e2e/test_autoscaler\w*\.py", "the nodes of autoscaler"),
    (r"tests/release/test_(image|runtime|services)\.py", "the image"),
    (r"tests/e2e/|tests/contract/.*\[real\b", "a control plane"),
)
"""Tests, by pattern, and what they share: a real Kubernetes, the tree of the image."""


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    """Has tests that share what is costly run in one worker, which makes it once; these come first.

    Every second worker begins at the other end, with tests that compute while the clusters of the others
    wait. One cluster more takes a third of a processor, and with it all of them wait longer.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((shared for pattern, shared in _SHARED if re.match(pattern, nodeid)), nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if int(node.gateway.id.removeprefix("gw")) % 2 == 0 and self.numnodes > 1:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
