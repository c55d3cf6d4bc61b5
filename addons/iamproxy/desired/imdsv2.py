"""Which pods must ask for a session token before anything else: version 2 of the metadata service."""

from collections.abc import Mapping

from addons.iamproxy import names
from addons.iamproxy.model.objects import Namespace, Pod

_VALUES = ("optional", "required")


def needs_token(pod: Pod, namespace: Namespace | None) -> bool:
    """Whether the pod or its namespace says so; neither takes back what the other or the settings require.

    Any other word than these two counts as `required`, which is the safe reading.
    """
    said = [pod.metadata.annotations, namespace.metadata.annotations if namespace else {}]
    return any(annotations.get(names.IMDSV2, _VALUES[0]) != _VALUES[0] for annotations in said)


def imdsv2_fault(annotations: Mapping[str, str]) -> str:
    """What is wrong with the annotation, in words; empty when nothing is."""
    written = annotations.get(names.IMDSV2, _VALUES[0])
    if written in _VALUES:
        return ""
    return f"annotation {names.IMDSV2}: {written!r} counts as required: optional or required"
