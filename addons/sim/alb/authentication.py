"""What stands before the last action of a rule: a login, or a token."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from addons.sim.alb.idp import StubIdp
from addons.sim.alb.request import Incoming
from addons.sim.aws.elbv2.model import Rule

Cookies = Mapping[str, str]
CALLBACK = "/oauth2/idpresponse"
_FAILED = 561
"""What AWS answers when the identity provider refuses, or its answer cannot be used."""


class Doorkeeper:
    """Lets in who has a session or a token, and sends others to log in.

    A session is a cookie that only the doorkeeper can have made. Of a token, issuer and form are looked at:
    nobody's signature is verified. `idp`: who is asked for users; None: nobody ever comes back from a login.
    """

    def __init__(self, idp: StubIdp | None) -> None:
        self._idp = idp
        self._key = secrets.token_bytes(32)

    def admit(self, action: Mapping[str, Any], rule: Rule, request: Incoming, cookies: Cookies) -> Any:
        """Give the answer to a request that may not pass, or who it is that may, "" for nobody known."""
        if action["Type"] == "jwt-validation":
            issuer = action["JwtValidationConfig"].get("Issuer")
            is_admitted = any(_issuer(text) == issuer for text in request.header("Authorization"))
            return "" if is_admitted else web.Response(status=401)
        config = _config(action)
        cookie = f"{config['SessionCookieName']}-0"
        if (user := self._opened(cookies.get(cookie, ""))) is not None:
            return user
        if config["OnUnauthenticatedRequest"] == "allow":
            return ""
        if config["OnUnauthenticatedRequest"] == "deny":
            return web.Response(status=401)
        return web.Response(status=302, headers={"Location": self._login(config, rule, request)})

    def come_back(self, request: Incoming, rules: Mapping[str, Rule]) -> web.Response:
        """Answer a browser that comes back from a login: a session, and the way to where it wanted to go."""
        given = {name: values[0] for name, values in parse_qs(request.query).items()}
        state = self._opened(given.get("state", "")) or " "
        arn, _, wanted = state.partition(" ")
        rule = rules.get(arn)
        if rule is None:
            return web.Response(status=401)
        config = next(_config(action) for action in rule.actions if "authenticate" in action["Type"])
        client = config.get("ClientId") or config["UserPoolClientId"]
        user = self._idp.redeem(client, rule.secret, given.get("code", "")) if self._idp else ""
        if not user:
            return web.Response(status=_FAILED)
        answer = web.Response(status=302, headers={"Location": wanted})
        cookie, age = f"{config['SessionCookieName']}-0", int(config["SessionTimeout"])
        answer.set_cookie(cookie, self._sealed(user), max_age=age, path="/", secure=True, httponly=True)
        return answer

    def _login(self, config: Mapping[str, Any], rule: Rule, request: Incoming) -> str:
        domain = config.get("UserPoolDomain", "")
        query = f"?{request.query}" if request.query else ""
        asked = {
            "client_id": config.get("ClientId") or config["UserPoolClientId"],
            "redirect_uri": f"https://{request.host}{CALLBACK}",
            "response_type": "code",
            "scope": config["Scope"],
            "state": self._sealed(f"{rule.arn} https://{request.host}{request.path}{query}"),
        }
        endpoint = config.get("AuthorizationEndpoint") or f"https://{domain}/oauth2/authorize"
        return f"{endpoint}?{urlencode(asked)}"

    def _sealed(self, text: str) -> str:
        return f"{text.encode().hex()}.{self._seal(text)}"

    def _opened(self, sealed: str) -> str | None:
        """Give what was sealed here; None for what was not."""
        encoded, _, seal = sealed.partition(".")
        try:
            text = bytes.fromhex(encoded).decode()
        except ValueError:
            return None
        return text if hmac.compare_digest(seal.encode(), self._seal(text).encode()) else None

    def _seal(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _config(action: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = action.get("AuthenticateOidcConfig") or action["AuthenticateCognitoConfig"]
    return found


def _issuer(text: str) -> str | None:
    """Give who issued a bearer token; None for what is no token."""
    kind, _, token = text.partition(" ")
    parts = token.split(".")
    if kind.lower() != "bearer" or len(parts) != 3:
        return None
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return str(claims["iss"])
    except (ValueError, KeyError, TypeError):
        return None
