"""A Kubernetes API server in one process: what kubectl, Helm and the add-ons use, and faults on demand."""
