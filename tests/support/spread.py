"""How tests are spread over the workers of xdist: each goes where there is time, with few exceptions."""

import re

from xdist.scheduler import LoadScopeScheduling

_SHARED = (
    (r"tests/e2e/test_iamproxy(_uninstall|_web_identity)?\.py", "the nodes of iamproxy"),
    (r"tests/e2e/test_(nodes|pod_records)\.py", "the nodes of dns"),
    (r"tests/e2e/test_(cni|fabric_nodes)\.py", "the nodes of cni"),
    (r"tests/e2e/test_autoscaler\w*\.py", "the nodes of autoscaler"),
    (r"tests/e2e/|tests/contract/.*\[real\b", "a control plane"),
)
"""Tests, by pattern, and the real Kubernetes that they share."""


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    """Has tests that share a real Kubernetes run in one worker, which starts it once; these come first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((shared for pattern, shared in _SHARED if re.match(pattern, nodeid)), nodeid)
