"""TLS of HTTPS listeners: the certificate that fits the name which a client asks for, as ACM has it now."""

import ssl
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from addons.sim.aws.acm.state import LIFE, Acm, Certificate
from addons.sim.aws.ec2.agenda import utc_now
from addons.sim.aws.elbv2.model import Listener
from addons.sim.aws.elbv2.policies import POLICIES
from addons.sim.aws.elbv2.state import Elbv2

Secure = Callable[[Listener], ssl.SSLContext | None]
_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


def by_sni(elb: Elbv2, acm: Acm) -> Secure:
    """Give what serves HTTPS with the listener's certificates: the one named, one by wildcard, the default.

    A certificate that ACM has issued itself gets a key and a signature of its own here, at its first use.
    """
    contexts: dict[str, ssl.SSLContext] = {}

    def context(arn: str, policy: str) -> ssl.SSLContext:
        key = f"{arn} {policy}"
        if key not in contexts:
            contexts[key] = _context(_with_key(acm, arn), policy)
        return contexts[key]

    def secure(listener: Listener) -> ssl.SSLContext | None:
        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            now = elb.account.listeners.get(listener.arn) or listener
            connection.context = context(best(acm, now, name or ""), now.ssl_policy)

        outer = _context(_with_key(acm, listener.certificates[0]), listener.ssl_policy)
        outer.sni_callback = choose
        return outer

    return secure


def best(acm: Acm, listener: Listener, name: str) -> str:
    """Give the ARN of the certificate that a listener serves to a client that asks for a name."""
    asked = name.lower()
    wildcard = f"*.{asked.partition('.')[2]}"
    for wanted in (asked, wildcard):
        for arn in listener.certificates:
            if (found := acm.certificates.get(arn)) and wanted in found.names:
                return arn
    return listener.certificates[0]


def _with_key(acm: Acm, arn: str) -> Certificate:
    found = acm.certificates[arn]
    if not found.pem:
        pem, key_pem = make_certificate(*found.names)
        found = acm.certificates[arn] = replace(found, pem=pem, key_pem=key_pem)
    return found


def _context(certificate: Certificate, policy: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = max(min(map(_VERSIONS.__getitem__, POLICIES[policy])), ssl.TLSVersion.TLSv1_2)
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate.pem)
        key.write_text(certificate.key_pem)
        context.load_cert_chain(chain, key)
    return context


def make_certificate(*names: str) -> tuple[str, str]:
    """Make a certificate that nobody else has signed; give it and its key as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:64])])
    now = utc_now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), private.decode()
