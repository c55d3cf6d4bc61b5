#!/usr/bin/env bash
# pyarrow 26.0.1 (AWS SDK for C++ 1.11.900 inside) reads the availability zone of its instance, and uses us-east-1.
#
# Its documentation of S3FileSystem says that without `region` the SDK determines it from the environment, the
# configuration profile or EC2's metadata. Seen on Linux x86_64, Python 3.11: against a metadata service that says
# eu-central-1a, `GET /latest/meta-data/placement/availability-zone` is asked and answered, and the region is us-east-1
# all the same. AWS_DEFAULT_REGION in the environment is heeded (the control).
# Fails when that changes. Needs Python with venv, and PyPI.   usage: pyarrow-region-of-the-instance.sh
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyarrow==26.0.1

cat > server.py <<'PROGRAM'
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEYS = {
    "Code": "Success",
    "LastUpdated": "2026-11-28T00:00:00Z",
    "Type": "AWS-HMAC",
    "AccessKeyId": "ASIAEXAMPLE000000001",
    "SecretAccessKey": "secret",
    "Token": "token",
    "Expiration": "2099-01-01T00:00:00Z",
}
ANSWERS = {
    "/latest/api/token": "token",
    "/latest/meta-data/iam/security-credentials": "role",
    "/latest/meta-data/iam/security-credentials/role": json.dumps(KEYS),
    "/latest/meta-data/placement/availability-zone": "eu-central-1a",
    "/latest/meta-data/placement/region": "eu-central-1",
}


class Metadata(BaseHTTPRequestHandler):
    def do_GET(self):
        text = ANSWERS.get(self.path, "")
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_PUT = do_GET


server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
Path("port.new").write_text(str(server.server_port))
Path("port.new").rename("port")
server.serve_forever()
PROGRAM
python3 server.py 2> asked &
server=$!
while [ ! -e port ]; do sleep 0.1; done

region() {
  env -i "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:$(cat port)" "$@" venv/bin/python -c '
from pyarrow.fs import S3FileSystem
print(S3FileSystem().region)'
}
seen=$(region)
control=$(region AWS_DEFAULT_REGION=eu-west-1)
echo "region on an instance in eu-central-1a: $seen; with AWS_DEFAULT_REGION=eu-west-1: $control; requests for the zone:"
grep 'GET /latest/meta-data/placement/availability-zone .* 200' asked
[ "$seen" = us-east-1 ]
[ "$control" = eu-west-1 ]
