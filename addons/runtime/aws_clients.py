"""botocore clients, made when first needed. All of it blocks: it is for threads."""

import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from time import monotonic
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.session import Session

from addons.runtime.aws_models import use_lean_models
from addons.runtime.aws_sending import Sending, before_send, calling, check
from addons.runtime.errors import Invalid

Reply = dict[str, Any]
OnCall = Callable[[str, str], None]
Role = tuple[str, str]
"""ARN and external id of a role to assume."""

OWN: Role = ("", "")
"""No role: the credentials of the process."""

NOBODY: Role = ("nobody", "")
"""No credentials: calls are not signed. None are looked for, which takes seconds where there are none."""

_SESSION_NAME = "aws-addons"

_SAYS_SO_ITSELF = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound)
_NOT_TO_BE_HAD = (BotoCoreError, ClientError, OSError, ValueError, LookupError, TypeError)
"""What botocore lets through when something goes wrong on the way to credentials: a file with a token that is
not there yet, or holds none, an STS that does not take it. Nothing of it is about the call they are for."""


class Clients:
    """One client for each service and role. Threads share clients, but make them one at a time.

    Sessions share one loader: every loader of its own would read and keep the service descriptions anew,
    18 MiB for EC2 alone.

    botocore looks for credentials when a client is made, and one that was made without any never has some.
    So none is made before there are credentials; each call looks for them again.
    """

    def __init__(
        self,
        *,
        region: str,
        endpoint_url: str,
        attempts: Callable[[str], int],
        threads: int,
        read_seconds: float,
        on_call: OnCall | None,
        endpoints: Mapping[str, str],
        operations: Mapping[str, Collection[str]],
    ) -> None:
        self._region = region or None
        self._endpoint_url = endpoint_url or None
        self._endpoints = endpoints
        self._operations = operations
        self._attempts = attempts
        self._threads = threads
        self._read_seconds = read_seconds
        self._on_call = on_call
        self._lock = threading.RLock()
        self._looking = threading.Lock()
        self._looked_at = float("-inf")  # when the last look for credentials that found none began
        self._sessions: dict[Role, Session] = {}
        self._clients: dict[tuple[str, Role], Any] = {}

    def locate(self, region: str) -> None:
        """From now on make clients for this region."""
        self._region = region

    def call(
        self, service: str, operation: str, role: Role, arguments: Mapping[str, Any], sending: Sending
    ) -> Reply:
        """Call an operation by its boto3 method name; raises what botocore raises, or `sending` does."""
        with calling(sending):
            reply: Reply = getattr(self._client(service, role), operation)(**arguments)
        return reply

    def paging(self, service: str, operation: str) -> Mapping[str, Any]:
        """Give botocore's description of how a listing is paged; raises ValueError when it is not."""
        name = self._client(service, OWN).meta.method_to_api_mapping[operation]
        with self._lock:
            paging: Mapping[str, Any] = self._session(OWN).get_paginator_model(service).get_paginator(name)
        return paging

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()

    def _client(self, service: str, role: Role) -> Any:
        if role == OWN:
            self._own_credentials()
        with self._lock:
            if (service, role) not in self._clients:
                made = self._create(self._session(role), service, is_signed=role != NOBODY)
                made.meta.events.register("before-send", before_send)
                self._clients[service, role] = made
            return self._clients[service, role]

    def _own_credentials(self) -> Any:
        """Give the credentials of the process, good to sign with; raises BotoCoreError where there are none.

        A look takes seconds where nobody answers. Threads that asked before it began share what it finds.
        """
        provider = "the credentials of this process"
        try:
            found = self._look_for_credentials()
            provider = found.method
            found.get_frozen_credentials()
        except _SAYS_SO_ITSELF:
            raise
        except _NOT_TO_BE_HAD as error:
            why = " ".join(str(error).split())
            raise CredentialRetrievalError(provider=provider, error_msg=why) from error
        return found

    def _look_for_credentials(self) -> Any:
        asked_at = monotonic()
        with self._lock:
            own = self._session(OWN)
        with self._looking:
            if self._looked_at > asked_at:
                raise NoCredentialsError
            looked_at = monotonic()
            if (found := own.get_credentials()) is None:
                self._looked_at = looked_at
                raise NoCredentialsError
            return found

    def _create(self, session: Session, service: str, *, is_signed: bool = True, **credentials: str) -> Any:
        try:
            with self._lock:
                client = session.create_client(
                    service,
                    region_name=self._region,
                    endpoint_url=self._endpoints.get(service) or self._endpoint_url,
                    config=self._config(service, is_signed),
                    **credentials,
                )
        except BotoCoreError:
            raise
        except ValueError as error:  # $AWS_ENDPOINT_URL is no URL
            raise Invalid(f"{service}: {error}", code="InvalidEndpoint") from error
        client.meta.events.register("before-call", self._tell)
        client.meta.events.register("before-send", check)
        return client

    def _config(self, service: str, is_signed: bool) -> Config:
        return Config(
            signature_version=None if is_signed else UNSIGNED,
            connect_timeout=3,
            read_timeout=self._read_seconds,
            retries={"mode": "standard", "total_max_attempts": self._attempts(service)},
            max_pool_connections=self._threads,
            user_agent_extra=_SESSION_NAME,
            tcp_keepalive=True,
        )

    def _session(self, role: Role) -> Session:
        if role == NOBODY:
            return self._session(OWN)
        if role not in self._sessions:
            self._sessions[role] = self._assume(role) if role != OWN else self._plain_session()
        return self._sessions[role]

    def _assume(self, role: Role) -> Session:
        """Make a session whose credentials are those of the role, taken when first needed and kept fresh."""
        own = self._session(OWN)
        session = self._plain_session()
        session.register_component("data_loader", own.get_component("data_loader"))
        provider = _RoleProvider(role, self._own_credentials, partial(self._create, own))
        session.register_component("credential_provider", CredentialResolver([provider]))
        return session

    def _plain_session(self) -> Session:
        session = Session()
        session.set_config_variable("metadata_service_timeout", 2)
        session.set_config_variable("metadata_service_num_attempts", 3)
        use_lean_models(session, self._operations)
        return session

    def _tell(self, model: Any, **_: object) -> None:
        if self._on_call:
            self._on_call(model.service_model.signing_name, model.name)


class _RoleProvider(CredentialProvider):  # type: ignore[misc]
    """Gives the credentials of an assumed role to botocore."""

    METHOD = "assume-role"

    def __init__(
        self, role: Role, own_credentials: Callable[[], Any], create_client: Callable[..., Any]
    ) -> None:
        super().__init__()
        self._role = role
        self._own_credentials = own_credentials
        self._create_client = create_client

    def load(self) -> DeferredRefreshableCredentials:
        """Give credentials that are fetched when a request is signed, again shortly before they expire."""
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)

    def _fetch(self) -> Mapping[str, Any]:
        arn, external_id = self._role
        more = {"RoleSessionName": _SESSION_NAME} | ({"ExternalId": external_id} if external_id else {})
        source = self._own_credentials()
        fetcher = AssumeRoleCredentialFetcher(self._create_client, source, arn, extra_args=more)
        credentials: Mapping[str, Any] = fetcher.fetch_credentials()
        return credentials
