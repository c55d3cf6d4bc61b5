"""The add-ons that make Kubernetes work on AWS: cni, dns, albingress, iamproxy and autoscaler."""
