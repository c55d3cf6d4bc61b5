"""What Ingresses and Services ask for, as load balancers, listeners, rules and target groups. Pure."""
