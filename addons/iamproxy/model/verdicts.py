"""What a pod is granted or refused."""

from msgspec import Struct

from addons.iamproxy.model.credentials import CredentialKey
from addons.runtime.outcomes import ObjectRef


class PodIdentity(Struct, frozen=True):
    """One pod, for good: `uid` tells it from a later pod of the same name."""

    namespace: str
    name: str
    uid: str
    service_account: str = ""
    node_name: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def ref(self) -> ObjectRef:
        """Name the pod for messages and Events."""
        return ObjectRef("Pod", self.namespace, self.name, self.uid)


class Grant(Struct, frozen=True):
    """A pod may have the credentials of `key`.

    `role_name` is what the list of roles shows: the short form, or the full ARN for another account.
    `because` says in words which rule permits it. With `needs_token` it must show a session token.
    """

    pod: PodIdentity
    key: CredentialKey
    role_name: str
    because: str = ""
    needs_token: bool = False


class Refusal(Struct, frozen=True):
    """An address gets nothing; `status` is the HTTP status, `reason` a CamelCase code of `names`.

    `role` is the role that was asked for, if any. With `needs_token` even the refusal is told only for a
    session token.
    """

    pod: PodIdentity | None
    reason: str
    message: str
    status: int
    role: str = ""
    needs_token: bool = False


Verdict = Grant | Refusal
"""What is to be said to an address."""
