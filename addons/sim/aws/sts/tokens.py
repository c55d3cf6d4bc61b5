"""Identity tokens: JSON Web Tokens (RFC 7519), signed by RS256, verified with the issuer's published keys."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from addons.sim.aws.sts.errors import StsError
from addons.sim.aws.sts.state import Provider, Sts


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says: who vouches (the provider), for whom, and to whom it was made out."""

    provider: Provider
    subject: str
    audience: str


async def verify(sts: Sts, token: str) -> Identity:
    """Give the identity in a token. Raises `StsError`."""
    header, claims, signed, signature = _open(token)
    issuer = str(claims.get("iss", ""))
    provider = sts.providers.get(issuer)
    if provider is None:
        raise _bad(f"No OpenIDConnect provider found in your account for {issuer}")
    _check_signature(header, signed, signature, await _published_keys(provider))
    _check_times(claims, sts.now())
    audiences = claims.get("aud", [])
    audiences = [audiences] if isinstance(audiences, str) else audiences
    audience = next((name for name in audiences if name in provider.audiences), None)
    if audience is None:
        raise _bad("Incorrect token audience")
    return Identity(provider, str(claims.get("sub", "")), audience)


def _open(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any], bytes, bytes]:
    """Give header, claims, the octets that are signed, and their signature."""
    try:
        header, claims, signature = token.split(".")
        opened = json.loads(_decode(header)), json.loads(_decode(claims))
        return *opened, f"{header}.{claims}".encode(), _decode(signature)
    except ValueError as error:
        raise _bad("The ID Token provided is not a valid JWT. (You may see this error if you sent an "
                   "Access Token)") from error  # fmt: skip


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def _published_keys(provider: Provider) -> Mapping[str, Any]:
    if not isinstance(provider.keys, str):
        return provider.keys
    try:
        async with aiohttp.ClientSession() as session, session.get(provider.keys) as reply:
            reply.raise_for_status()
            keys: Mapping[str, Any] = await reply.json(content_type=None)
            return keys
    except (aiohttp.ClientError, ValueError) as error:
        raise StsError(
            "IDPCommunicationError", "Couldn't retrieve verification key from your identity provider"
        ) from error


def _check_signature(
    header: Mapping[str, Any], signed: bytes, signature: bytes, published: Mapping[str, Any]
) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA256

    found = [key for key in published["keys"] if key["kty"] == "RSA" and key.get("kid") == header.get("kid")]
    if header.get("alg") != "RS256" or not found:
        raise _bad("Couldn't retrieve verification key from your identity provider")
    modulus, exponent = (int.from_bytes(_decode(found[0][part])) for part in ("n", "e"))
    try:
        RSAPublicNumbers(exponent, modulus).public_key().verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise _bad("The token's signature is invalid") from error


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    expires = datetime.fromtimestamp(claims["exp"], UTC) if "exp" in claims else now
    if now >= expires:
        message = (
            f"Token expired: current date/time {now:%s} must be before the expiration date/time {expires:%s}"
        )
        raise StsError("ExpiredTokenException", message)
    if now < datetime.fromtimestamp(claims.get("nbf", 0), UTC):
        raise _bad("The token is not valid yet")


def _bad(message: str) -> StsError:
    return StsError("InvalidIdentityToken", message)
