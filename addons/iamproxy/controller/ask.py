"""Ask for credentials from inside of a pod, as SDKs do, and say what became of it: `helm test` does so."""

import asyncio
import html
import re

import aiohttp
import msgspec
from msgspec import Struct

_TOKEN = "api/token"  # noqa: S105
_ROLES = "meta-data/iam/security-credentials/"
_SECONDS = 2.0
_PAUSE_SECONDS = 1.0
_REFUSAL = re.compile(r"<p>(?P<words>.+) \((?P<reason>[A-Z]\w+)\)</p>")
_AGAIN = (429, 503)


class Told(Struct, frozen=True):
    """What a pod is told: words, and the `role` that it is given, or the `reason` why none.

    A reason is iamproxy's: what EC2 itself refuses has none. What is not final may change by itself.
    """

    words: str
    role: str = ""
    reason: str = ""
    is_final: bool = True


class _Credentials(Struct, rename="pascal"):
    """The answer of a role's path; without `code` Success it is `message` that counts."""

    code: str
    message: str = ""
    access_key_id: str = ""
    expiration: str = ""


class _Refused(Exception):
    """One of the requests was not answered with what it asks for."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.words)
        self.told = told


async def ask(endpoint: str, *, patience: float) -> Told:
    """Ask for a token, the role and its credentials; for `patience` seconds while the answer is not final."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
        while True:
            told = await _ask_once(session, endpoint)
            if told.is_final or loop.time() >= until:
                return told
            await asyncio.sleep(_PAUSE_SECONDS)


async def _ask_once(session: aiohttp.ClientSession, endpoint: str) -> Told:
    base = f"{endpoint}/latest/"
    try:
        ttl = {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": "60"}
        token = {"X-Aws-Ec2-Metadata-Token": await _read(session, "PUT", base + _TOKEN, ttl)}
        role = await _read(session, "GET", base + _ROLES, token)
        given = msgspec.json.decode(
            await _read(session, "GET", f"{base}{_ROLES}{role}", token), type=_Credentials
        )
    except _Refused as error:
        return error.told
    except (aiohttp.ClientError, TimeoutError) as error:
        return Told(f"nobody answers at {endpoint}: {error or 'no answer in time'}", is_final=False)
    if given.code != "Success":
        return Told(given.message, reason=given.code)
    return Told(f"the role {role}, with the key {given.access_key_id} until {given.expiration}", role)


async def _read(session: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str]) -> str:
    """Give the text of an answer, which must be a good one."""
    async with session.request(method, url, headers=headers, allow_redirects=False) as reply:
        text = await reply.text()
    if reply.status == 200:
        return text
    if found := _REFUSAL.search(text):
        told = Told(
            html.unescape(found["words"]), reason=found["reason"], is_final=reply.status not in _AGAIN
        )
    else:
        told = Told(f"status {reply.status} without a reason: this is not iamproxy")
    raise _Refused(told)
