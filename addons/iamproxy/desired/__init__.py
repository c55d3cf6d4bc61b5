"""From Kubernetes objects to what every address of this node is granted or refused. Pure."""
