"""What is watched of Kubernetes, and what is written to it: status, finalizers, readiness gates, Events."""
