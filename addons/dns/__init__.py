"""Makes every name that Services, Ingresses and pods ask for resolve in Route 53, and removes it when they no longer do."""
