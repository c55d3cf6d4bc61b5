"""Time stamps of the API."""

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """A time stamp in the form of `metadata.creationTimestamp`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
