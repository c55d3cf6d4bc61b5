"""Certificates of a webhook: an authority of its own, and what that issues to each replica."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from addons.runtime.settings import SettingError

AUTHORITY_LIFE = timedelta(days=3650)
SERVING_LIFE = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
_EARLIER = timedelta(hours=1)
"""Certificates are valid from a little before now: the clocks of two machines differ."""


class KeyPair(Struct, frozen=True):
    """A certificate and its private key, both as PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "KeyPair(hidden)"


def new_authority(name: str, now: datetime) -> KeyPair:
    """Make an authority that may sign certificates of servers. Raises SettingError without cryptography."""
    x509, ec = _cryptography()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(x509, name[:64])
    builder = (
        _builder(x509, subject, subject, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(x509, signs_certificates=True), critical=True)
    )
    return _pem(builder, key, key)


def issue(authority: KeyPair, host: str, now: datetime) -> KeyPair:
    """Issue a certificate for the server `host`. Raises ValueError when the authority is broken."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    x509, ec = _cryptography()
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(x509, _name(x509, host[:64]), issuer.subject, key.public_key(), now, SERVING_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return _pem(builder, key, load_pem_private_key(authority.key, None))


def is_good(pair: KeyPair, now: datetime) -> bool:
    """Whether a certificate can be read, with its key, and will be valid for a while."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    x509, _ = _cryptography()
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        is_pair = load_pem_private_key(pair.key, None).public_key() == certificate.public_key()
    except (ValueError, TypeError):
        return False
    return bool(is_pair and now + RENEW_BEFORE < certificate.not_valid_after_utc)


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise SettingError(
            "the webhook needs the package cryptography: install aws-cluster-addons[encryption]"
        ) from None
    return x509, ec


def _name(x509: Any, common_name: str) -> Any:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _builder(x509: Any, subject: Any, issuer: Any, public_key: Any, now: datetime, life: timedelta) -> Any:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + life)
    )


def _usage(x509: Any, *, signs_certificates: bool) -> Any:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(builder: Any, key: Any, signer: Any) -> KeyPair:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    certificate = builder.sign(signer, SHA256()).public_bytes(Encoding.PEM)
    return KeyPair(certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
