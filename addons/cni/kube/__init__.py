"""The door to Kubernetes: what is watched, and what is told to the node and its pods."""
