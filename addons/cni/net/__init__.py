"""The door to the kernel: links, routes, rules, sysctls and source address translation."""
