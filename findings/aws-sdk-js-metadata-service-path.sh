#!/usr/bin/env bash
# @aws-sdk/ec2-metadata-service 3.1164.0 (AWS SDK for JavaScript, version 3) asks for //latest/... when it is used as its
# documentation shows: request("/latest/meta-data/", {}).
#
# It puts the path of the endpoint's URL, which is "/", before the path it is given. Seen with Node 20: the request line is
# `GET //latest/meta-data/ HTTP/1.1`, also with the endpoint set without a slash at its end. Any metadata service that
# compares paths exactly answers 404. Without the first slash, request("latest/meta-data/", {}), the path is right.
# Fails when that changes. Needs Node with npm.   usage: aws-sdk-js-metadata-service-path.sh
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --ignore-scripts @aws-sdk/ec2-metadata-service@3.1164.0

cat > program.mjs <<'PROGRAM'
import { createServer } from "node:http";
import { MetadataService } from "@aws-sdk/ec2-metadata-service";

const asked = [];
const server = createServer((request, response) => {
  if (request.method === "GET") asked.push(request.url);
  response.end("text");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const service = new MetadataService({ endpoint: `http://127.0.0.1:${server.address().port}` });
for (const path of ["/latest/meta-data/", "latest/meta-data/"]) await service.request(path, {});
console.log(asked.join(" "));
process.exit(0);
PROGRAM
seen=$(node program.mjs)
echo "asked for: $seen"
[ "$seen" = "//latest/meta-data/ /latest/meta-data/" ]
