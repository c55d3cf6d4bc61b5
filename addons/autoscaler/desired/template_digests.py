"""Whether templates are the same to pods, and in what a real node differs from what was foretold."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import msgspec

from addons.autoscaler import names
from addons.autoscaler.desired import places
from addons.autoscaler.desired.quantities import added
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.pods import Labels, Taint
from addons.autoscaler.model.resources import CPU, MEMORY

_encoder = msgspec.json.Encoder(order="deterministic")
_COARSE = {MEMORY: 26, "ephemeral-storage": 26}
"""Powers of two that amounts may differ by: machines of a type have some KiB more or less."""
_GIB = 1 << 30
_OF_PLATFORM = (
    "beta.kubernetes.io/",
    "eks.amazonaws.com/nodegroup-image",
    "eks.amazonaws.com/sourceLaunchTemplate",
    "failure-domain.beta.kubernetes.io/",
    "k8s.io/cloud-provider-aws",
    "topology.ebs.csi.aws.com/",
    "topology.k8s.aws/",
    "topology.kubernetes.io/",
)
"""How labels begin that the platform gives to nodes, and that nobody needs a tag for."""
_NOT_EVERYWHERE = ("beta.kubernetes.io/", "failure-domain.beta.kubernetes.io/", "topology.ebs.csi.aws.com/")
"""How those of them begin that nodes have or not, as the cluster is old or new, or has a driver."""


def digest_of(template: Template, group: Group) -> str:
    """A text that changes with anything that matters to pods, the name of the node and chance aside."""
    content = (
        _common(template.labels, group),
        sorted(group.zones) if len(group.zones) > 1 else template.zone,
        [(each.key, each.value, each.effect) for each in template.taints],
        _rounded(template.allocatable),
        added(each.requests for each in template.daemons),
        template.volume_limits,
    )
    return blake2b(_encoder.encode(content), digest_size=8).hexdigest()


def difference(real: Template, foretold: Template, group: Group) -> tuple[str, ...]:
    """In what the tags and the type are wrong about the nodes, in words."""
    return (
        *_of_labels(_common(real.labels, group), _common(foretold.labels, group)),
        *_of_taints(real.taints, foretold.taints),
        *_of_amounts(real.allocatable, foretold.allocatable),
    )


def _common(labels: Labels, group: Group) -> Labels:
    """The labels that all next nodes of the group have."""
    passing = {names.HOSTNAME, *(places.OF_ZONE if len(group.zones) > 1 else ())}
    return {key: value for key, value in labels.items() if key not in passing}


def _rounded(amounts: Mapping[str, int]) -> dict[str, int]:
    return {name: number >> _COARSE.get(name, 0) for name, number in amounts.items()}


def _of_labels(real: Labels, foretold: Labels) -> Iterable[str]:
    for key in sorted(foretold):
        if key not in real:
            if key.startswith(_NOT_EVERYWHERE):
                continue
            yield f"label {key}={foretold[key]} is expected, and the nodes have none of that name"
        elif real[key] != foretold[key]:
            yield f"label {key} is {real[key]} on the nodes, and {foretold[key]} was expected"
    if untold := sorted(key for key in real.keys() - foretold.keys() if not key.startswith(_OF_PLATFORM)):
        yield f"labels of the nodes that no tag tells of: {', '.join(untold)}"


def _of_taints(real: Iterable[Taint], foretold: Iterable[Taint]) -> Iterable[str]:
    have, expected = set(map(taint_in_words, real)), set(map(taint_in_words, foretold))
    for taint in sorted(have - expected):
        yield f"taint {taint} is on the nodes, and no tag tells of it"
    for taint in sorted(expected - have):
        yield f"taint {taint} is expected, and the nodes do not have it"


def _of_amounts(real: Mapping[str, int], foretold: Mapping[str, int]) -> Iterable[str]:
    """Resources that the nodes have less of than was foretold."""
    for name in sorted(foretold):
        have, expected = real.get(name, 0), foretold[name]
        if have < expected:
            yield f"{name}: the nodes offer {_amount(name, have)}, not {_amount(name, expected)}"


def taint_in_words(taint: Taint) -> str:
    """The taint as kubectl writes it."""
    value = f"={taint.value}" if taint.value else ""
    return f"{taint.key}{value}:{taint.effect}"


def _amount(name: str, number: int) -> str:
    if name == CPU:
        return f"{number}m"
    return f"{number / _GIB:.2f} GiB" if name in _COARSE else str(number)
