"""From Kubernetes objects to endpoints: what each object asks for, and the faults in how it asks. Pure."""
