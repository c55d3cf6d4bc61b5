"""A configuration with a field of every kind, for the tests of settings and the command line."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from addons.runtime.setting_values import refused
from addons.runtime.settings import SECRET, LeaderConfig


class SampleConfig(LeaderConfig, frozen=True, kw_only=True):
    """Settings of the sample.

    More about them.
    """

    refused_settings: ClassVar[Mapping[str, str]] = {"zone_cache": "zones are always kept"}

    txt_owner_id: str
    """Who owns the records:
    one name per cluster."""

    source: tuple[Literal["service", "ingress", "pod"], ...] = ("service", "ingress")
    """Kinds of objects to read."""

    interval: Annotated[timedelta, "any"] = timedelta(minutes=1)
    """Time between two full passes."""

    batch_size: Annotated[int, Meta(ge=1, le=1000)] = 1000
    """Changes in one request."""

    keeper: Annotated[Literal["txt", "none"], refused({"table": "texts are kept in the zone"})] = "txt"
    """Where texts are kept."""

    ratio: float = 0.5
    """A part of the whole; a | in the text."""

    zone_type: Literal["public", "private"] | None = None
    """Zones to look at; all without it."""

    zone_tags: dict[str, str] = field(default_factory=dict)
    """Tags that a zone must have."""

    encrypt_key: Annotated[str, SECRET] = ""
    """Key for the ownership records."""

    listen: str = ":7979"
