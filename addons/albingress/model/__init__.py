"""The values of albingress: what Ingresses ask for, what AWS has, and the actions between them."""
