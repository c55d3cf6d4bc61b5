"""SDK sessions: one for the daemon's own credentials, one for each role it assumes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

Recorder = Callable[[str, str], None]
"""Told the service and the operation, "route53" and "ListHostedZones", of every call that is sent."""

_ROLE_SESSION_NAME = "aws-cluster-addons"


class Sessions:
    """Makes sessions on demand and keeps them. Not made for several threads at once.

    The sessions share one loader, since the model of a service costs up to 18 MiB.
    """

    def __init__(self, *, region: str, endpoint_url: str, recorder: Recorder | None) -> None:
        self._region = region or None
        self._endpoint_url = endpoint_url or None
        self._recorder = recorder
        self._base = self._new_session()
        self._sessions: dict[tuple[str, str], boto3.Session] = {}

    def get(self, role: str, external_id: str) -> boto3.Session:
        """Give the session that acts as `role` (an ARN), or as ourselves when it is empty."""
        key = (role, external_id)
        if key not in self._sessions:
            session = self._assuming(role, external_id) if role else self._base
            self._sessions[key] = boto3.Session(botocore_session=session, region_name=self._region)
        return self._sessions[key]

    def page_tokens(self, service: str, operation: str) -> Sequence[tuple[str, str]]:
        """How an operation is paged: pairs of an argument and where in the reply its next value stands."""
        described = self._base.get_paginator_model(service).get_paginator(operation)
        given, found = described["input_token"], described["output_token"]
        if isinstance(given, str):
            return [(given, found)]
        return list(zip(given, found, strict=True))

    def _new_session(self) -> botocore.session.Session:
        session = botocore.session.Session()
        session.set_config_variable("metadata_service_timeout", 2)
        session.set_config_variable("metadata_service_num_attempts", 3)
        if self._region:
            session.set_config_variable("region", self._region)
        if self._recorder is not None:
            session.register("before-call", partial(_record, self._recorder))
        return session

    def _assuming(self, role: str, external_id: str) -> botocore.session.Session:
        """A session whose credentials are those of the role, renewed before they expire."""
        session = self._new_session()
        session.register_component("data_loader", self._base.get_component("data_loader"))
        provider = _RoleProvider(self._base, self._endpoint_url, role, external_id)
        session.register_component("credential_provider", CredentialResolver([provider]))
        return session


class _RoleProvider(CredentialProvider):  # type: ignore[misc]
    """Gives a session the credentials of one role, and nothing else should they fail."""

    METHOD = "assume-role"
    CANONICAL_NAME = "aws-cluster-addons-role"

    def __init__(
        self, base: botocore.session.Session, endpoint_url: str | None, role: str, external_id: str
    ) -> None:
        super().__init__()
        extra = {"RoleSessionName": _ROLE_SESSION_NAME}
        self._fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(base.create_client, endpoint_url=endpoint_url),
            source_credentials=base.get_credentials(),
            role_arn=role,
            extra_args=extra | ({"ExternalId": external_id} if external_id else {}),
        )

    def load(self) -> DeferredRefreshableCredentials:
        """Give credentials that are fetched when they are used first."""
        return DeferredRefreshableCredentials(
            method=self.METHOD, refresh_using=self._fetcher.fetch_credentials
        )


def _record(recorder: Recorder, model: Any, **_: object) -> None:
    recorder(model.service_model.service_name, model.name)
