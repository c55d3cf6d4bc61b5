"""ACM as far as load balancers need it: certificates with their names, listed in pages and described."""
