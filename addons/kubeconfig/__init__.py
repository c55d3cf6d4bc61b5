"""What a kubeconfig says of its current context, read as kubectl reads it, and the exec plugins in it."""
