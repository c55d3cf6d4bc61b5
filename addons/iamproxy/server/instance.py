"""What pods are told of an instance in place of their node: made of their role and pod, as EC2 would tell it.

SDKs look here for what they need beside credentials. Those of Java and Go read their region from the identity
document, and Go's version 1 takes it from the instance id that there is a metadata service at all.
"""

import base64
import hashlib
from datetime import datetime

import msgspec
from msgspec import Struct

from addons.iamproxy.model.verdicts import Grant, PodIdentity, Verdict
from addons.iamproxy.roles import account_of
from addons.iamproxy.server.node_keys import Values
from addons.iamproxy.server.routes import REGION, ZONE
from addons.runtime.clock import rfc3339


class IdentityDocument(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where the pod is, and the account of its role: what is not known, or not to be seen, is left out."""

    account_id: str = ""
    availability_zone: str = ""
    region: str = ""


def identity_document(holder: Verdict, values: Values) -> bytes:
    """Give the identity document of a pod; one without a role has no account."""
    account = account_of(holder.key.role_arn) if isinstance(holder, Grant) else ""
    return msgspec.json.encode(IdentityDocument(account, values.get(ZONE) or "", values.get(REGION) or ""))


def instance_id(pod: PodIdentity) -> bytes:
    """Give an id in the form of EC2's, the same for as long as the pod lives, which names no instance."""
    return b"i-" + hashlib.sha256(pod.uid.encode()).hexdigest()[:17].encode()


def profile_info(grant: Grant, now: datetime) -> bytes:
    """Give what EC2 says of an instance profile, for a profile that has the name of the role."""
    profile = grant.key.role_arn.replace(":role/", ":instance-profile/", 1)
    number = base64.b32encode(hashlib.sha256(profile.encode()).digest())[:17].decode()
    info = {
        "Code": "Success",
        "LastUpdated": rfc3339(now),
        "InstanceProfileArn": profile,
        "InstanceProfileId": f"AIPA{number}",
    }
    return msgspec.json.encode(info)
