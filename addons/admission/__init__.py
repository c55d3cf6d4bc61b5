"""Admission webhooks: how a daemon adds something to what the API server is about to make."""
