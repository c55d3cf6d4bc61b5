"""What the pods of a node ask of its pool of addresses. Pure."""
