"""An issuer of identity tokens, as a cluster is one: tokens that speak for ServiceAccounts."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://issuer.test"
_SIGNER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def published() -> dict[str, Any]:
    """The keys with which its tokens are verified."""
    numbers = _SIGNER.public_key().public_numbers()
    n, e = (_encode(value.to_bytes((value.bit_length() + 7) // 8)) for value in (numbers.n, numbers.e))
    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": n, "e": e}]}


async def issue(namespace: str, service_account: str) -> str:
    """A token that is good for ten minutes."""
    now = int(datetime.now(UTC).timestamp())
    subject = f"system:serviceaccount:{namespace}:{service_account}"
    claims = {"iss": ISSUER, "sub": subject, "aud": ["sts.amazonaws.com"], "iat": now, "exp": now + 600}
    text = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, claims))
    return f"{text}.{_encode(_SIGNER.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"
