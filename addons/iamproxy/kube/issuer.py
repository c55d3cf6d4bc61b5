"""Tokens that speak for ServiceAccounts, issued by the API server."""

from addons.runtime.errors import Denied, Unavailable
from addons.runtime.kube import KubeClient

_TOKEN_SECONDS = 600


class TokenIssuer:
    """Has tokens issued for one audience."""

    def __init__(self, kube: KubeClient, *, audience: str) -> None:
        self._kube = kube
        self._audience = audience

    async def issue(self, namespace: str, service_account: str) -> str:
        """Get a token; raises OutsideError, and Unavailable where we lack the right to ask for one."""
        try:
            issued = await self._kube.token(
                namespace, service_account, audiences=(self._audience,), expiration_seconds=_TOKEN_SECONDS
            )
        except Denied as error:
            raise Unavailable(error.message, code=error.code, status=error.status) from error
        return issued.token
