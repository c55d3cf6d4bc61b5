"""The messages of the Kubernetes API that arrive as protobuf, or whose fields are checked by name.

A field reads `number name type`. Types: str, int, bool, bytes (base64 in JSON), another message, `[T]` a
list, `{T}` a map from strings; `T?` keeps a zero, which any other field drops. Numbers are those of
generated.proto in k8s.io/api and k8s.io/apimachinery. The fields of an `inline` message lie in its parent.
A message that ends in `...` is known in part only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_TEXT = {
    "ObjectMeta": """1 name str, 2 generateName str, 3 namespace str, 4 selfLink str, 5 uid str,
        6 resourceVersion str, 7 generation int, 8 creationTimestamp Time, 9 deletionTimestamp Time,
        10 deletionGracePeriodSeconds int, 11 labels {str}, 12 annotations {str},
        13 ownerReferences [OwnerReference], 14 finalizers [str], 17 managedFields [Any]""",
    "OwnerReference": """1 kind str, 3 name str, 4 uid str, 5 apiVersion str, 6 controller bool,
        7 blockOwnerDeletion bool""",
    "ConfigMap": "1 metadata ObjectMeta, 2 data {str}, 3 binaryData {bytes}, 4 immutable bool",
    "Secret": "1 metadata ObjectMeta, 2 data {bytes}, 3 type str, 4 stringData {str}, 5 immutable bool",
    "Namespace": "1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus",
    "NamespaceSpec": "1 finalizers [str]",
    "NamespaceStatus": "1 phase str, 2 conditions [Any]",
    "ServiceAccount": """1 metadata ObjectMeta, 2 secrets [Any], 3 imagePullSecrets [LocalObjectReference],
        4 automountServiceAccountToken bool?""",
    "LocalObjectReference": "1 name str",
    "Service": "1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status Any",
    "ServiceSpec": """1 ports [ServicePort], 2 selector {str}, 3 clusterIP str, 4 type str,
        5 externalIPs [str], 7 sessionAffinity str, 8 loadBalancerIP str,
        9 loadBalancerSourceRanges [str], 10 externalName str,
        11 externalTrafficPolicy str, 12 healthCheckNodePort int, 13 publishNotReadyAddresses bool,
        14 sessionAffinityConfig Any, 17 ipFamilyPolicy str, 18 clusterIPs [str], 19 ipFamilies [str],
        20 allocateLoadBalancerNodePorts bool?, 21 loadBalancerClass str, 22 internalTrafficPolicy str,
        23 trafficDistribution str""",
    "ServicePort": """1 name str, 2 protocol str, 3 port int, 4 targetPort IntOrString, 5 nodePort int,
        6 appProtocol str""",
    "Deployment": "1 metadata ObjectMeta, 2 spec DeploymentSpec ...",
    "DeploymentSpec": "1 replicas int?, 2 selector LabelSelector, 3 template PodTemplateSpec ...",
    "LabelSelector": "1 matchLabels {str} ...",
    "PodTemplateSpec": "1 metadata ObjectMeta, 2 spec PodSpec ...",
    "PodSpec": "2 containers [Container], 3 restartPolicy str ...",
    "Container": "1 name str, 2 image str, 3 command [str], 4 args [str], 6 ports [ContainerPort] ...",
    "ContainerPort": "1 name str, 2 hostPort int, 3 containerPort int, 4 protocol str ...",
    "Ingress": "1 metadata ObjectMeta, 2 spec IngressSpec, 3 status Any",
    "IngressSpec": """1 defaultBackend IngressBackend, 2 tls [IngressTLS], 3 rules [IngressRule],
        4 ingressClassName str""",
    "IngressTLS": "1 hosts [str], 2 secretName str",
    "IngressRule": "1 host str, 2 inline IngressRuleValue ...",
    "IngressRuleValue": "1 http HTTPIngressRuleValue",
    "HTTPIngressRuleValue": "1 paths [HTTPIngressPath]",
    "HTTPIngressPath": "1 path str, 2 backend IngressBackend, 3 pathType str",
    "IngressBackend": "4 service IngressServiceBackend ...",
    "IngressServiceBackend": "1 name str, 2 port ServiceBackendPort",
    "ServiceBackendPort": "1 name str, 2 number int",
    "PodDisruptionBudget": "1 metadata ObjectMeta, 2 spec PodDisruptionBudgetSpec, 3 status Any",
    "PodDisruptionBudgetSpec": """1 minAvailable IntOrString?, 2 selector LabelSelector,
        3 maxUnavailable IntOrString?, 4 unhealthyPodEvictionPolicy str""",
    "Role": "1 metadata ObjectMeta, 2 rules [PolicyRule]",
    "ClusterRole": "1 metadata ObjectMeta, 2 rules [PolicyRule] ...",
    "PolicyRule": """1 verbs [str], 2 apiGroups [str], 3 resources [str], 4 resourceNames [str],
        5 nonResourceURLs [str]""",
    "RoleBinding": "1 metadata ObjectMeta, 2 subjects [Subject], 3 roleRef RoleRef",
    "ClusterRoleBinding": "1 metadata ObjectMeta, 2 subjects [Subject], 3 roleRef RoleRef",
    "Subject": "1 kind str, 2 apiGroup str, 3 name str, 4 namespace str",
    "RoleRef": "1 apiGroup str, 2 kind str, 3 name str",
    "DeleteOptions": """1 gracePeriodSeconds int?, 2 preconditions Preconditions, 3 orphanDependents bool?,
        4 propagationPolicy str, 5 dryRun [str] ...""",
    "Preconditions": "1 uid str, 2 resourceVersion str",
    "Eviction": "1 metadata ObjectMeta, 2 deleteOptions DeleteOptions",
    "TokenRequest": "1 metadata ObjectMeta, 2 spec TokenRequestSpec ...",
    "TokenRequestSpec": "1 audiences [str], 4 expirationSeconds int ...",
    "SelfSubjectAccessReview": "1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec ...",
    "SelfSubjectAccessReviewSpec": """1 resourceAttributes ResourceAttributes,
        2 nonResourceAttributes NonResourceAttributes""",
    "ResourceAttributes": """1 namespace str, 2 verb str, 3 group str, 4 version str, 5 resource str,
        6 subresource str, 7 name str ...""",
    "NonResourceAttributes": "1 path str, 2 verb str",
    "SelfSubjectReview": "1 metadata ObjectMeta ...",
}


class Field(NamedTuple):
    """One field of a message."""

    name: str
    type: str


class Message(NamedTuple):
    """Fields by number, and whether these are all that the message has."""

    fields: dict[int, Field]
    complete: bool

    @property
    def by_name(self) -> dict[str, Field]:
        """Fields by name."""
        return {field.name: field for field in self.fields.values()}


def _read(text: str) -> Message:
    parts = [part.split() for part in text.removesuffix("...").split(",")]
    fields = {int(number): Field(name, kind) for number, name, kind in parts}
    return Message(fields, complete=not text.endswith("..."))


MESSAGES = {name: _read(text) for name, text in _TEXT.items()}
_BY_NAME = {name: message.by_name for name, message in MESSAGES.items()}


def unknown_fields(kind: str, obj: object, path: str = "") -> list[str]:
    """Paths of fields that a message of this kind does not have, as far as it is known."""
    if isinstance(obj, list):
        items = enumerate(obj)
        return [found for i, item in items for found in unknown_fields(kind[1:-1], item, f"{path}[{i}]")]
    message = MESSAGES.get(kind)
    if message is None or not isinstance(obj, dict):
        return []
    found = []
    for name, value in obj.items():
        here = f"{path}.{name}" if path else name
        field = _BY_NAME[kind].get(name)
        if field is not None:
            found += unknown_fields(field.type, value, here)
        elif message.complete and not (path == "" and name in ("kind", "apiVersion")):
            found.append(here)
    return found


_GO_TYPES = {"str": "string", "int": "int32", "bool": "bool"}
_PLAIN = {"str": str, "int": int, "bool": bool}


def type_fault(kind: str, obj: object, path: str = "", owner: str = "") -> str | None:
    """The first value of a wrong type, in the words of the server; None when all that is known fits."""
    plain = _PLAIN.get(kind.rstrip("?"))
    wanted = dict if kind in MESSAGES or kind.startswith("{") else list if kind.startswith("[") else plain
    if wanted is None or obj is None:
        return None
    if not isinstance(obj, wanted) or (wanted is int and isinstance(obj, bool)):
        target = _GO_TYPES.get(kind.rstrip("?"), kind)
        return f"json: cannot unmarshal {go_type(obj)} into Go struct field {owner}.{path} of type {target}"
    return next((fault for fault in _child_faults(kind, obj, path, owner) if fault), None)


def _child_faults(kind: str, obj: object, path: str, owner: str) -> Iterator[str | None]:
    if isinstance(obj, list):
        for item in obj:
            yield type_fault(kind[1:-1], item, path, owner)
    elif isinstance(obj, dict) and kind.startswith("{"):
        for value in obj.values():
            yield type_fault(kind[1:-1], value, path, owner)
    elif isinstance(obj, dict):
        for name, value in obj.items():
            if field := _BY_NAME[kind].get(name):
                yield type_fault(field.type, value, f"{path}.{name}" if path else name, kind)


def go_type(value: object) -> str:
    """What Go's JSON decoder calls the type of a value."""
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
