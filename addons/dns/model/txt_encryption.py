"""Ownership texts that only their owners can read: AES-256-GCM, as external-dns encrypts them.

The value is base64 of a nonce of 12 bytes and the encrypted gzip of the text. The nonce comes from the text
and the key instead of from chance, so that one text always makes one value: what is unchanged stays
unchanged, and no nonce ever serves two texts, which GCM could not bear.
"""

import gzip
import hmac
import zlib
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import TYPE_CHECKING

from addons.runtime.settings import SettingError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_REMEMBERED = 65_536


class Cipher:
    """Encrypts and decrypts texts with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aes = _aes(key)
        self.encrypt = lru_cache(_REMEMBERED)(self._encrypt)

    def _encrypt(self, text: str) -> str:
        """The encrypted form of a text, always the same."""
        nonce = hmac.digest(self._key, text.encode(), "sha256")[:_NONCE_BYTES]
        packed = gzip.compress(text.encode(), mtime=0)
        return b64encode(nonce + self._aes.encrypt(nonce, packed, None)).decode()

    def decrypt(self, text: str) -> str | None:
        """The text behind an encrypted one; None for what was not encrypted with this key."""
        from cryptography.exceptions import InvalidTag

        try:
            data = b64decode(text, validate=True)
            packed = self._aes.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
            return gzip.decompress(packed).decode()
        except (ValueError, InvalidTag, OSError, EOFError, zlib.error):
            return None


def parse_key(text: str) -> bytes:
    """The 32 bytes of a key, given as such or in base64. Raises SettingError, which does not show it."""
    raw = text.encode()
    if len(raw) == _KEY_BYTES:
        return raw
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        decoded = b""
    if len(decoded) != _KEY_BYTES:
        raise SettingError("--txt-encrypt-aes-key: 32 bytes are needed, as they are or in base64")
    return decoded


def _aes(key: bytes) -> "AESGCM":
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise SettingError(
            "--txt-encrypt-enabled needs the package cryptography: install aws-cluster-addons[encryption]"
        ) from None
    return AESGCM(key)
