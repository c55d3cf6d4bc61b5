"""AWS on loopback: a strict Route 53 of our own, and moto for every other service, behind one endpoint."""
