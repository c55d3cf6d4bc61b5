"""What pods are told of an instance in place of their node: made of their role and pod, as EC2 would tell it.

SDKs look here for what they need beside credentials. Those of Java and Go read their region from the identity
document, and Go's version 1 takes it from the instance id that there is a metadata service at all.
"""

import base64
import hashlib
from datetime import datetime

import msgspec

from addons.iamproxy.model.verdicts import Grant, PodIdentity, Verdict
from addons.iamproxy.roles import account_of
from addons.iamproxy.server.node_keys import Values
from addons.runtime.clock import rfc3339

_VERSION = "2017-09-30"
_FROM_NODE = {
    "availabilityZone": "placement/availability-zone",
    "imageId": "ami-id",
    "instanceId": "instance-id",
    "instanceType": "instance-type",
    "privateIp": "local-ipv4",
    "region": "placement/region",
}
"""Fields of the identity document -> the key of the node's metadata that says the same."""

_FROM_NOWHERE = (
    "architecture",
    "billingProducts",
    "devpayProductCodes",
    "kernelId",
    "marketplaceProductCodes",
    "pendingTime",
    "ramdiskId",
)

IDENTITY_KEYS = tuple(_FROM_NODE.values())
"""The keys of the node's metadata that the identity document repeats, where pods may read them."""


def identity_document(holder: Verdict, values: Values) -> bytes:
    """Give the identity document of a pod: its place, and the account of its role if it has one.

    All fields of EC2's are there, null where there is nothing to tell: Java's SDK 1 reads no other document.
    """
    assert holder.pod is not None
    account = account_of(holder.key.role_arn) if isinstance(holder, Grant) else None
    told = {field: values.get(key) for field, key in _FROM_NODE.items()}
    told["instanceId"] = told["instanceId"] or instance_id(holder.pod)
    nothing = dict.fromkeys(_FROM_NOWHERE)
    return msgspec.json.encode(
        {"accountId": account, **told, **nothing, "version": _VERSION}, order="deterministic"
    )


def instance_id(pod: PodIdentity) -> str:
    """Give an id in the form of EC2's, the same for as long as the pod lives, which names no instance."""
    return f"i-{hashlib.sha256(pod.uid.encode()).hexdigest()[:17]}"


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
