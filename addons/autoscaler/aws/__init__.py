"""The only door to AWS: Auto Scaling, EC2 and SQS."""
