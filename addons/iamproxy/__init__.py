"""Makes every pod get the credentials of its own IAM role, and never those of the node."""
