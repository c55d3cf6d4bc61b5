"""The door to Kubernetes and to the cni: what is watched, tokens, and what is told to users."""
