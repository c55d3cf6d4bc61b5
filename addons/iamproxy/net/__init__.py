"""The redirect: pods reach the daemon at the metadata address, and none reaches the node's metadata."""
