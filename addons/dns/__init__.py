"""Makes every name that Services, Ingresses and pods ask for resolve in Route 53.

A record lives as long as its object asks for it, and is touched only when a TXT record beside it says that
it is ours.
"""
