"""The protobuf messages that this server reads: those that kubectl and Helm write unasked.

A message is its name and, indented, its fields as `name=number:type`, after the generated.proto files of
k8s.io/api. A type is str, bytes, int, bool or the name of a message; `[]` is a list of them, `{}` a map from
str, and `?` a pointer, which is kept when it points to a zero. `inline` lays the fields of a message into its
parent.
"""

from __future__ import annotations

from dataclasses import dataclass

_TABLE = """
ObjectMeta
    name=1:str generateName=2:str namespace=3:str uid=5:str resourceVersion=6:str labels=11:str{}
    annotations=12:str{} ownerReferences=13:OwnerReference[] finalizers=14:str[]
OwnerReference
    apiVersion=5:str kind=1:str name=3:str uid=4:str controller=6:bool? blockOwnerDeletion=7:bool?
LabelSelector
    matchLabels=1:str{} matchExpressions=2:LabelSelectorRequirement[]
LabelSelectorRequirement
    key=1:str operator=2:str values=3:str[]
DeleteOptions
    gracePeriodSeconds=1:int? preconditions=2:Preconditions orphanDependents=3:bool?
    propagationPolicy=4:str? dryRun=5:str[]
Preconditions
    uid=1:str? resourceVersion=2:str?
Namespace
    metadata=1:ObjectMeta
ConfigMap
    metadata=1:ObjectMeta data=2:str{} binaryData=3:bytes{} immutable=4:bool?
Secret
    metadata=1:ObjectMeta data=2:bytes{} type=3:str stringData=4:str{} immutable=5:bool?
ServiceAccount
    metadata=1:ObjectMeta automountServiceAccountToken=4:bool?
Service
    metadata=1:ObjectMeta spec=2:ServiceSpec
ServiceSpec
    ports=1:ServicePort[] selector=2:str{} clusterIP=3:str type=4:str externalIPs=5:str[]
    sessionAffinity=7:str loadBalancerIP=8:str loadBalancerSourceRanges=9:str[] externalName=10:str
    externalTrafficPolicy=11:str healthCheckNodePort=12:int publishNotReadyAddresses=13:bool
    ipFamilyPolicy=17:str? clusterIPs=18:str[] ipFamilies=19:str[]
    allocateLoadBalancerNodePorts=20:bool? loadBalancerClass=21:str? internalTrafficPolicy=22:str?
    trafficDistribution=23:str?
ServicePort
    name=1:str protocol=2:str port=3:int targetPort=4:IntOrString nodePort=5:int appProtocol=6:str?
Ingress
    metadata=1:ObjectMeta spec=2:IngressSpec
IngressSpec
    defaultBackend=1:IngressBackend tls=2:IngressTLS[] rules=3:IngressRule[] ingressClassName=4:str?
IngressTLS
    hosts=1:str[] secretName=2:str
IngressRule
    host=1:str inline=2:IngressRuleValue
IngressRuleValue
    http=1:HTTPIngressRuleValue
HTTPIngressRuleValue
    paths=1:HTTPIngressPath[]
HTTPIngressPath
    path=1:str backend=2:IngressBackend pathType=3:str?
IngressBackend
    service=4:IngressServiceBackend
IngressServiceBackend
    name=1:str port=2:ServiceBackendPort
ServiceBackendPort
    name=1:str number=2:int
Eviction
    metadata=1:ObjectMeta deleteOptions=2:DeleteOptions
PodDisruptionBudget
    metadata=1:ObjectMeta spec=2:PodDisruptionBudgetSpec
PodDisruptionBudgetSpec
    minAvailable=1:IntOrString selector=2:LabelSelector maxUnavailable=3:IntOrString
TokenRequest
    metadata=1:ObjectMeta spec=2:TokenRequestSpec
TokenRequestSpec
    audiences=1:str[] expirationSeconds=4:int?
Role
    metadata=1:ObjectMeta rules=2:PolicyRule[]
ClusterRole
    metadata=1:ObjectMeta rules=2:PolicyRule[]
PolicyRule
    verbs=1:str[] apiGroups=2:str[] resources=3:str[] resourceNames=4:str[] nonResourceURLs=5:str[]
RoleBinding
    metadata=1:ObjectMeta subjects=2:Subject[] roleRef=3:RoleRef
ClusterRoleBinding
    metadata=1:ObjectMeta subjects=2:Subject[] roleRef=3:RoleRef
Subject
    kind=1:str apiGroup=2:str name=3:str namespace=4:str
RoleRef
    apiGroup=1:str kind=2:str name=3:str
SelfSubjectAccessReview
    metadata=1:ObjectMeta spec=2:SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec
    resourceAttributes=1:ResourceAttributes nonResourceAttributes=2:NonResourceAttributes
ResourceAttributes
    namespace=1:str verb=2:str group=3:str version=4:str resource=5:str subresource=6:str name=7:str
NonResourceAttributes
    path=1:str verb=2:str
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its JSON name, the type of one value, and how values are kept."""

    name: str
    type: str
    form: str
    """"" for one value, "?" for one that counts even when it is zero, "[]" for a list, "{}" for a map."""


def _read(table: str) -> dict[str, dict[int, Field]]:
    messages: dict[str, dict[int, Field]] = {}
    name = ""
    for line in table.strip().splitlines():
        if line.startswith(" "):
            messages[name] |= dict(map(_field, line.split()))
        else:
            name = line
            messages[name] = {}
    return messages


def _field(text: str) -> tuple[int, Field]:
    name, _, rest = text.partition("=")
    number, _, kind = rest.partition(":")
    base = kind.rstrip("?[]{}")
    return int(number), Field(name, base, kind[len(base) :])


MESSAGES = _read(_TABLE)
"""Message name -> field number -> field."""
