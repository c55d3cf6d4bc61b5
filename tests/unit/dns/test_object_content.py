"""What is kept of an object for a template, and no more."""

from typing import Any

import pytest

from addons.dns.model.object_content import Path, keep

OBJECT: dict[str, Any] = {
    "metadata": {"name": "www"},
    "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"port": 80}, {"port": 81}]},
    "status": {"loadBalancer": {}},
}


@pytest.mark.parametrize(
    ("paths", "kept"),
    [
        ([], {}),
        ([("spec", "type")], {"spec": {"type": "ClusterIP"}}),
        ([("spec", "Type"), ("spec", "ClusterIP")], {"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1"}}),
        ([("spec", "ports")], {"spec": {"ports": OBJECT["spec"]["ports"]}}),
        ([("spec", "absent"), ("absent",)], {"spec": {}}),
        ([("spec", "type"), ("spec",)], {"spec": OBJECT["spec"]}),
        ([("spec",), ("spec", "type")], {"spec": OBJECT["spec"]}),
        ([("spec", "type", "deeper")], {"spec": {"type": "ClusterIP"}}),
        ([()], OBJECT),
    ],
)
def test_the_parts_that_are_named(paths: list[Path], kept: object) -> None:
    assert keep(OBJECT, paths) == kept
