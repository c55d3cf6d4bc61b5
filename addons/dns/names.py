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

CONTROLLER: Final = "controller"
"""Who serves this object; anything but `CONTROLLER_VALUE` means not us."""

CONTROLLER_VALUE: Final = "dns-controller"

INGRESS_CLASS: Final = "kubernetes.io/ingress.class"
"""The annotation that named an Ingress's class before `spec.ingressClassName` did."""

SERVICE_NAME_LABEL: Final = "kubernetes.io/service-name"
"""The label by which an EndpointSlice names its Service."""

FALLBACK_OWNER_LABEL: Final = "_aws-addons-owner"
"""First label of the TXT that proves ownership where the usual TXT name cannot exist."""

# Reasons: faults in an object (Event type Warning, and a decision).
INVALID_ANNOTATION: Final = "InvalidAnnotation"
INVALID_HOSTNAME: Final = "InvalidHostname"
CONFLICTING_TARGETS: Final = "ConflictingTargets"

# Reasons: decisions not to act.
OWNER_CONFLICT: Final = "OwnerConflict"
CLAIM_CONFLICT: Final = "ClaimConflict"
CNAME_AT_APEX: Final = "CnameAtApex"
CNAME_EXCLUSIVE: Final = "CnameExclusive"
MIXED_ROUTING: Final = "MixedRouting"
NO_ZONE: Final = "NoZone"
NO_TARGETS: Final = "NoTargets"
OWNERSHIP_TEXT_TAKEN: Final = "OwnershipTextTaken"
POLICY_FORBIDS: Final = "PolicyForbids"
DELETE_BUDGET: Final = "DeleteBudget"
DELETES_HELD: Final = "DeletesHeld"
TOO_LARGE: Final = "TooLarge"
BLOCKED: Final = "Blocked"

# Reasons: what was done, or failed.
RECORD_READY: Final = "RecordReady"
RECORD_DELETED: Final = "RecordDeleted"
RECORD_ERROR: Final = "RecordError"
ZONE_ERROR: Final = "ZoneError"
DRIFT: Final = "DriftFound"
