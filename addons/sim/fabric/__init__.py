"""A VPC of network namespaces that carries out what the simulated EC2 says of interfaces."""
