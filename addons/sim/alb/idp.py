"""An identity provider without pages: whoever is sent there is logged in as one user, and comes back."""

from itertools import count
from urllib.parse import parse_qs, urlencode, urlsplit


class StubIdp:
    """Gives codes to browsers, and names of users to clients that know their secret.

    `secrets`: of each client by its id. `user` is who logs in; "" refuses everybody.
    """

    def __init__(self, secrets: dict[str, str], *, user: str = "somebody") -> None:
        self.secrets = secrets
        self.user = user
        self._codes: dict[str, tuple[str, str]] = {}
        self._numbers = count(1)

    def log_in(self, url: str) -> str:
        """Give the URL to which a browser is sent back that was sent to log in at `url`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        back: dict[str, str] = {"state": asked.get("state", "")}
        if not self.user or asked.get("client_id") not in self.secrets:
            back["error"] = "access_denied"
        else:
            back["code"] = f"code-{next(self._numbers)}"
            self._codes[back["code"]] = asked["client_id"], self.user
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def redeem(self, client_id: str, secret: str, code: str) -> str:
        """Give the user for a code, once, to the client that it was made for; "" to all others."""
        owner, user = self._codes.pop(code, ("", ""))
        return user if owner == client_id and self.secrets.get(client_id) == secret else ""
