"""The public names of this daemon: annotations, reasons of Events and decisions. A change breaks users."""

from typing import Final

ROLE: Final = "iam.amazonaws.com/role"
"""On a pod: the role it wants, as a name, a path and name, or a full ARN."""

EXTERNAL_ID: Final = "iam.amazonaws.com/external-id"
"""On a pod: the external id that the role's trust policy asks for."""

SESSION_NAME: Final = "iam.amazonaws.com/session-name"
"""On a pod: how its session is called in CloudTrail."""

ALLOWED_ROLES: Final = "iam.amazonaws.com/allowed-roles"
"""On a namespace: a JSON list of patterns; its pods may have the roles that match one of them."""

PERMITTED: Final = "iam.amazonaws.com/permitted"
"""On a namespace, as kiam reads it: one regular expression; counts where `allowed-roles` is absent."""

IMDSV2: Final = "iamproxy.aws-addons.io/imdsv2"
"""On a pod or a namespace: `required` makes pods ask for a session token first, whatever the settings say."""

NAMESPACE_TAG: Final = "kubernetes-namespace"
SERVICE_ACCOUNT_TAG: Final = "kubernetes-service-account"
"""Session tags, named as EKS Pod Identity names them."""

# Reasons why an address gets no credentials; each is an answer, and most are an Event on the pod.
NO_ROLE: Final = "NoRole"
INVALID_ROLE: Final = "InvalidRole"
INVALID_EXTERNAL_ID: Final = "InvalidExternalId"
ROLE_NOT_ALLOWED: Final = "RoleNotAllowed"
POLICY_DENIES: Final = "PolicyDeniesRole"
ACCOUNT_NOT_ALLOWED: Final = "AccountNotAllowed"
HOST_NETWORK: Final = "HostNetwork"
HOST_NETWORK_ROLE: Final = "HostNetworkRole"
AMBIGUOUS_ADDRESS: Final = "AmbiguousAddress"
NAMESPACE_UNKNOWN: Final = "NamespaceUnknown"
BASE_ARN_UNKNOWN: Final = "BaseArnUnknown"

# Reasons why one request is refused, whatever its pod may have.
UNLISTED_PATH: Final = "UnlistedPath"
WRONG_METHOD: Final = "WrongMethod"
WRONG_HOST: Final = "WrongHost"
MALFORMED_REQUEST: Final = "MalformedRequest"
REQUEST_TOO_LARGE: Final = "RequestTooLarge"
FORWARDED_REQUEST: Final = "ForwardedRequest"
INVALID_TTL: Final = "InvalidTtl"
TOKEN_MISSING: Final = "TokenMissing"  # noqa: S105
TOKEN_INVALID: Final = "TokenInvalid"  # noqa: S105
ROLE_MISMATCH: Final = "RoleMismatch"
POD_UNKNOWN: Final = "PodUnknown"
ADDRESS_CHANGED: Final = "AddressChanged"
CREDENTIALS_LATE: Final = "CredentialsLate"
NODE_KEY_UNAVAILABLE: Final = "NodeKeyUnavailable"
TOO_MANY_REQUESTS: Final = "TooManyRequests"
TOO_MANY_CONNECTIONS: Final = "TooManyConnections"

# Reasons: faults in a namespace or a pod (Event type Warning, and a decision).
INVALID_ALLOWED_ROLES: Final = "InvalidAllowedRoles"
INVALID_IMDSV2: Final = "InvalidImdsv2"

# Reasons: what was decided, was done, or failed.
ROLE_GRANTED: Final = "RoleGranted"
CREDENTIALS_FETCHED: Final = "CredentialsFetched"
CREDENTIALS_DENIED: Final = "CredentialsDenied"
CREDENTIALS_FAILED: Final = "CredentialsFailed"
POD_NOT_HERE: Final = "PodNotHere"
CREDENTIALS_HELD: Final = "CredentialsHeld"
POLICY_UNREADABLE: Final = "PolicyUnreadable"
HOST_NETWORK_UNCOVERED: Final = "HostNetworkUncovered"
