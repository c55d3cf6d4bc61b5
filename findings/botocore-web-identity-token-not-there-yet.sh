#!/usr/bin/env bash
# botocore 1.44.8 lets a bare FileNotFoundError out of any call while AWS_WEB_IDENTITY_TOKEN_FILE is not there yet.
#
# What goes wrong on the client's side is a BotoCoreError, "the base exception class" of botocore's by its docstring, and
# programs catch that and ClientError. A pod whose projected token comes late, or whose variable names a wrong path, gets
# an OSError of Python out of `list_buckets` instead, and ends. Where the token is there and nobody answers for STS, the
# same call raises EndpointConnectionError, which is a BotoCoreError (the control).
# Fails when that changes. Needs Python with venv, and PyPI.   usage: botocore-web-identity-token-not-there-yet.sh
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check botocore==1.44.8
echo token > token

raised() { # the file that is to hold the token: what a call raises, and whether it is a BotoCoreError
  env -i "AWS_WEB_IDENTITY_TOKEN_FILE=$folder/$1" AWS_ROLE_ARN=arn:aws:iam::123456789012:role/reader \
    AWS_DEFAULT_REGION=eu-central-1 AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1 \
    AWS_ENDPOINT_URL=http://127.0.0.1:1 HOME="$folder" venv/bin/python -c '
from botocore.exceptions import BotoCoreError
from botocore.session import get_session
try:
    get_session().create_client("s3").list_buckets()
except Exception as error:
    print(type(error).__name__, isinstance(error, BotoCoreError))'
}
seen=$(raised not-there) control=$(raised token)
echo "without the file: $seen; with it, and no STS: $control"
[ "$seen" = "FileNotFoundError False" ]
[ "$control" = "EndpointConnectionError True" ]
