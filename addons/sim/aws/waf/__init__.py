"""WAFv2 as far as load balancers need it: which web ACL stands before which of them."""
