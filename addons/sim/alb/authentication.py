"""What stands before the last action of a rule: a login, or a token."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from addons.sim.alb.request import Incoming


def admit(action: Mapping[str, Any], request: Incoming, cookies: Mapping[str, str]) -> web.Response | None:
    """Give the answer to a request that may not pass; None for one that may.

    A session cookie of the right name is a login here, and of a token issuer and form are looked at:
    nobody's signature is verified.
    """
    if action["Type"] == "jwt-validation":
        issuer = action["JwtValidationConfig"].get("Issuer")
        is_admitted = any(_issuer(text) == issuer for text in request.header("Authorization"))
        return None if is_admitted else web.Response(status=401)
    is_oidc = action["Type"] == "authenticate-oidc"
    config = action["AuthenticateOidcConfig" if is_oidc else "AuthenticateCognitoConfig"]
    if f"{config['SessionCookieName']}-0" in cookies or config["OnUnauthenticatedRequest"] == "allow":
        return None
    if config["OnUnauthenticatedRequest"] == "deny":
        return web.Response(status=401)
    return web.Response(status=302, headers={"Location": _login(config, request, is_oidc=is_oidc)})


def _login(config: Mapping[str, Any], request: Incoming, *, is_oidc: bool) -> str:
    client = config["ClientId"] if is_oidc else config["UserPoolClientId"]
    domain = "" if is_oidc else config["UserPoolDomain"]
    endpoint = config["AuthorizationEndpoint"] if is_oidc else f"https://{domain}/oauth2/authorize"
    asked = {
        "client_id": client,
        "redirect_uri": f"https://{request.host}/oauth2/idpresponse",
        "response_type": "code",
        "scope": config["Scope"],
        "state": f"{request.path}?{request.query}",
    }
    return f"{endpoint}?{urlencode(asked)}"


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
