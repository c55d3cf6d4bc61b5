"""The only door to AWS: STS, and the metadata of the node."""
