"""The door to Kubernetes: the objects that are watched, and what is told about them."""
