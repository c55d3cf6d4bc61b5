"""From Kubernetes objects to claims: what each object asks for, and the faults in how it asks. Pure."""
