"""The public names of this daemon: annotations, reasons of Events and decisions. A change breaks users."""

from typing import Final

ANNOTATION_PREFIXES: Final = ("external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/")
"""Read in this order: where both name the same thing, the first wins."""

HOSTNAME: Final = "hostname"
"""Names for the public address of the object, separated by commas."""

INTERNAL_HOSTNAME: Final = "internal-hostname"
"""Names for the cluster addresses of a Service, separated by commas."""

TARGET: Final = "target"
"""Addresses or host names to publish instead of the object's own, separated by commas."""

TTL: Final = "ttl"
"""Time to live of the records: seconds ("600") or a duration ("10m", "1h30m")."""

SET_IDENTIFIER: Final = "set-identifier"
"""Tells record sets of one name and type apart; without it the owner id does, where a policy is given."""

ALIAS: Final = "alias"
"""Alias records in place of a CNAME: "true", "A" or "AAAA" (one type only), "false" (never)."""

AWS_EVALUATE_TARGET_HEALTH: Final = "aws-evaluate-target-health"
"""Whether an alias answers only while its target is healthy: "true" or "false"."""

AWS_TARGET_HOSTED_ZONE: Final = "aws-target-hosted-zone"
"""The hosted zone id of an alias target, where it cannot be told from the target's name."""

AWS_HOSTED_ZONE_ID: Final = "aws-hosted-zone-id"
"""The one hosted zone that is to hold the records of the object."""

AWS_WEIGHT: Final = "aws-weight"
"""Weighted routing: 0 to 255."""

AWS_REGION: Final = "aws-region"
"""Latency routing: an AWS region."""

AWS_FAILOVER: Final = "aws-failover"
"""Failover routing: PRIMARY or SECONDARY."""

AWS_MULTI_VALUE_ANSWER: Final = "aws-multi-value-answer"
"""Multivalue answer routing: "true"."""

AWS_CONTINENT: Final = "aws-geolocation-continent-code"
"""Geolocation routing: AF, AN, AS, EU, NA, OC or SA."""

AWS_COUNTRY: Final = "aws-geolocation-country-code"
"""Geolocation routing: a country of two letters, or `*` for everywhere else."""

AWS_SUBDIVISION: Final = "aws-geolocation-subdivision-code"
"""Geolocation routing: a part of the country, beside its code."""

AWS_PROXIMITY_REGION: Final = "aws-geoproximity-region"
"""Geoproximity routing: an AWS region."""

AWS_COORDINATES: Final = "aws-geoproximity-coordinates"
"""Geoproximity routing: latitude and longitude, `49.22,-74.01`."""

AWS_LOCAL_ZONE_GROUP: Final = "aws-geoproximity-local-zone-group"
"""Geoproximity routing: a local zone group."""

AWS_BIAS: Final = "aws-geoproximity-bias"
"""Geoproximity routing: -99 to 99, how far the place reaches beyond its share."""

AWS_HEALTH_CHECK_ID: Final = "aws-health-check-id"
"""The health check without which the record set answers no more; beside a routing policy."""

PROVIDER_SPECIFIC: Final = (
    SET_IDENTIFIER,
    ALIAS,
    AWS_EVALUATE_TARGET_HEALTH,
    AWS_TARGET_HOSTED_ZONE,
    AWS_HOSTED_ZONE_ID,
    AWS_WEIGHT,
    AWS_REGION,
    AWS_FAILOVER,
    AWS_MULTI_VALUE_ANSWER,
    AWS_CONTINENT,
    AWS_COUNTRY,
    AWS_SUBDIVISION,
    AWS_PROXIMITY_REGION,
    AWS_COORDINATES,
    AWS_LOCAL_ZONE_GROUP,
    AWS_BIAS,
    AWS_HEALTH_CHECK_ID,
)
"""The annotations about how Route 53 answers: aliases, routing policies and the zone."""

INGRESS_HOSTNAME_SOURCE: Final = "ingress-hostname-source"
"""Which names of an Ingress count: `ANNOTATION_ONLY` or `DEFINED_HOSTS_ONLY`; both without it."""

GATEWAY_HOSTNAME_SOURCE: Final = "gateway-hostname-source"
"""The same for a route of a Gateway."""

ANNOTATION_ONLY: Final = "annotation-only"
DEFINED_HOSTS_ONLY: Final = "defined-hosts-only"

ACCESS: Final = "access"
"""Which addresses of nodes are meant: "public" or "private"."""

ENDPOINTS_TYPE: Final = "endpoints-type"
"""In place of the addresses of a headless Service's pods: "NodeExternalIP" or "HostIP"."""

CONTROLLER: Final = "controller"
"""Who serves this object; anything but `CONTROLLER_VALUE` means not us."""

CONTROLLER_VALUE: Final = "dns-controller"

OBJECT_ANNOTATIONS: Final = (
    HOSTNAME,
    INTERNAL_HOSTNAME,
    TARGET,
    TTL,
    ACCESS,
    ENDPOINTS_TYPE,
    CONTROLLER,
    INGRESS_HOSTNAME_SOURCE,
    GATEWAY_HOSTNAME_SOURCE,
    *PROVIDER_SPECIFIC,
)
"""Every annotation that is read with one of the prefixes of external-dns."""

OWN_PREFIX: Final = "dns.aws-addons.io/"

POD_RECORDS: Final = "dns.aws-addons.io/pod-records"
"""On a headless Service: "true" gives each of its pods a name of its own."""

POD_HOSTNAME: Final = "dns.aws-addons.io/pod-hostname"
"""On a headless Service with pod records: the template of their names, below the host name of the Service."""

MULTI_VALUE: Final = "dns.aws-addons.io/multi-value"
"""On a pod: "per-pod" gives each pod of a shared name a record set of its own."""

PER_POD: Final = "per-pod"

OWN_ANNOTATIONS: Final = (POD_RECORDS, POD_HOSTNAME, MULTI_VALUE)
"""Every annotation of our own."""

INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
"""The annotation that named an Ingress's class before `spec.ingressClassName` did."""

SERVICE_NAME_LABEL: Final = "kubernetes.io/service-name"
"""The label by which an EndpointSlice names its Service."""

FALLBACK_OWNER_LABEL: Final = "_aws-addons-owner"
"""First label of the TXT that proves ownership where the usual TXT name cannot exist."""

# Reasons: faults in an object (Event type Warning, and a decision).
INVALID_ANNOTATION: Final = "InvalidAnnotation"
INVALID_HOSTNAME: Final = "InvalidHostname"
INVALID_TEMPLATE: Final = "InvalidTemplate"
INVALID_ENDPOINT: Final = "InvalidEndpoint"
UNREADABLE_OBJECT: Final = "UnreadableObject"
CONFLICTING_TARGETS: Final = "ConflictingTargets"

# Reasons: decisions not to act.
OWNER_CONFLICT: Final = "OwnerConflict"
CLAIM_CONFLICT: Final = "ClaimConflict"
CNAME_AT_APEX: Final = "CnameAtApex"
CNAME_EXCLUSIVE: Final = "CnameExclusive"
MIXED_ROUTING: Final = "MixedRouting"
RECORD_KEPT: Final = "RecordKept"
ALIAS_TARGET_MISSING: Final = "AliasTargetMissing"
ALIAS_TARGET_UNKNOWN: Final = "AliasTargetUnknown"
NO_ZONE: Final = "NoZone"
NO_HOSTED_ZONE: Final = "NoHostedZone"
UNKNOWN_ZONE_ID: Final = "UnknownZoneId"
OUTSIDE_DOMAIN_FILTER: Final = "OutsideDomainFilter"
FILTERED_OUT: Final = "FilteredOut"
NO_TARGETS: Final = "NoTargets"
OWNERSHIP_TEXT_TAKEN: Final = "OwnershipTextTaken"
ORPHANED_TEXT: Final = "OrphanedText"
POLICY_FORBIDS: Final = "PolicyForbids"
DELETE_BUDGET: Final = "DeleteBudget"
DELETES_HELD: Final = "DeletesHeld"
POD_RECORD_HELD: Final = "PodRecordHeld"
TOO_LARGE: Final = "TooLarge"
BLOCKED: Final = "Blocked"
FLAPPING: Final = "Flapping"

# Reasons: answers about one object, where a decision on it was never taken.
NOT_ASKED: Final = "NotAsked"
PLANNED: Final = "Planned"
UNKNOWN_ANNOTATION: Final = "UnknownAnnotation"
UNKNOWN_OBJECT: Final = "UnknownObject"

# Reasons: what was done, or failed.
RECORD_READY: Final = "RecordReady"
RECORD_DELETED: Final = "RecordDeleted"
RECORD_ERROR: Final = "RecordError"
ZONE_ERROR: Final = "ZoneError"
DRIFT: Final = "DriftFound"
