"""A program with boto3: it prints which credentials and region it finds."""

import json

import boto3
from botocore.utils import IMDSRegionProvider

session = boto3.Session()
credentials = session.get_credentials()
region = IMDSRegionProvider(session._session).provide()
print(json.dumps({"key": credentials.access_key, "region": region}))
