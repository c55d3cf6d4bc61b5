"""albingress: Ingresses get AWS Application Load Balancers; one that is broken harms only itself."""
