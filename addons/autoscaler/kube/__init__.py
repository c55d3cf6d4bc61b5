"""What is watched of Kubernetes, and what is written to it: taints, evictions, status, intents."""
