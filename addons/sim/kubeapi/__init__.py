"""A Kubernetes API server in one process: what kubectl, Helm and the add-ons use of the real one, and faults on demand."""
