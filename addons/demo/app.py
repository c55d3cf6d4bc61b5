"""What runs in a pod of the demo: an application with boto3 that knows nothing of iamproxy.

It asks AWS who it is, and prints the answer. Its argument is where AWS is.
"""

import sys

import boto3
from botocore.exceptions import NoCredentialsError

sts = boto3.client("sts", region_name="eu-central-1", endpoint_url=sys.argv[1])
try:
    print(sts.get_caller_identity()["Arn"])
except NoCredentialsError:
    print("no credentials")
