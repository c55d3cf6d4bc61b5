"""The only door to AWS: STS."""
