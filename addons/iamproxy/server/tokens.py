"""Session tokens of version 2 of the metadata service: ours, and good for one pod only."""

import base64
import binascii
import hmac
import os
import secrets
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from addons.runtime.settings import SettingError

LONGEST_TTL_SECONDS = 21_600

_VERSION = 1
_HEAD = struct.Struct(">BQ")
_KEY_BYTES = 32
_TOKEN_CHARACTERS = 56  # version, expiry and digest are 41 bytes
_DIGEST = "sha256"


class Tokens:
    """Issues and checks tokens; nothing is kept for a token that was issued.

    A token is base64url(version, expiry, HMAC(key, version, expiry, uid of the pod)), with the expiry in
    seconds since 1970. It is worth nothing to any other pod, not even to a later one of the same name.
    """

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def issue(self, pod_uid: str, ttl_seconds: int) -> bytes:
        """Make a token for a pod."""
        head = _HEAD.pack(_VERSION, int(self._clock()) + ttl_seconds)
        return self._complete(head, pod_uid)

    def is_valid(self, token: bytes, pod_uid: str) -> bool:
        """Whether this pod was given this token, and it has not expired."""
        if len(token) != _TOKEN_CHARACTERS:
            return False
        try:
            head = base64.urlsafe_b64decode(token)[: _HEAD.size]
        except binascii.Error:
            return False
        if not hmac.compare_digest(token, self._complete(head, pod_uid)):
            return False
        version, expiry = _HEAD.unpack(head)
        return bool(version == _VERSION and self._clock() < expiry)

    def _complete(self, head: bytes, pod_uid: str) -> bytes:
        """The token that begins with `head`, in its only spelling: decoders take `+` and `/` as well."""
        digest = hmac.digest(self._key, head + pod_uid.encode(), _DIGEST)
        return base64.urlsafe_b64encode(head + digest)


def parse_ttl(value: bytes) -> int | None:
    """Read the life time that was asked for; None unless it is 1 to 21600 seconds."""
    if not value.isdigit() or len(value) > 5:
        return None
    seconds = int(value)
    return seconds if 1 <= seconds <= LONGEST_TTL_SECONDS else None


def new_key() -> bytes:
    """Make a key that nobody has seen."""
    return secrets.token_bytes(_KEY_BYTES)


def load_key(path: Path) -> bytes:
    """Read the key that is kept at `path`, or keep a new one there, for us alone.

    Two daemons that overlap during an upgrade end up with the same key. Raises OSError, and SettingError when
    the file holds something else.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")  # two containers may have the same pid
    draft.touch(mode=0o600)
    try:
        draft.write_bytes(new_key())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SettingError(f"--token-key-file {path}: {len(key)} bytes, but a key has {_KEY_BYTES}")
    return key
