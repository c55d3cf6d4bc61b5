"""The only door to AWS: ELBv2, EC2, ACM and the tagging API."""
