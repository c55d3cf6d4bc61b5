"""Which Services and Secrets an Ingress names, found without understanding it. Pure.

Nothing is parsed here: an annotation that makes no sense as a whole may still name the Service whose change
mends it, and no event of that Service may be lost. What is found too much only costs a pass.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from addons.albingress import names
from addons.runtime.objects import Key

_SERVICE: Final = re.compile(r'"serviceName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_SECRET: Final = re.compile(r'"secretName"\s*:\s*"([^"]*)"', re.IGNORECASE)
_ACTION: Final = f"{names.PREFIX}{names.ACTIONS}."
_OIDC: Final = f"{names.PREFIX}{names.AUTH_IDP_OIDC}"


def services_in(annotations: Mapping[str, str]) -> Iterator[str]:
    """The names of the Services in actions by annotation; they are of the namespace of the Ingress."""
    for key, text in annotations.items():
        if key.startswith(_ACTION):
            yield from _SERVICE.findall(text)


def secrets_in(namespace: str, annotations: Mapping[str, str]) -> Iterator[Key]:
    """The Secrets that the authentication of an Ingress or a Service names, in its own namespace."""
    for name in _SECRET.findall(annotations.get(_OIDC, "")):
        yield namespace, name
