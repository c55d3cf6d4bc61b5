#!/usr/bin/env bash
# kubernetes 37.0.1 (kubernetes.aio) logs in anonymously when the exec plugin of a kubeconfig fails, and runs one that
# is named by a relative path from the working folder.
#
# client-go, and so kubectl, fails when a plugin does, and finds ./plugin from the folder of the kubeconfig. Seen on Linux
# x86_64, Python 3.11: load_kube_config succeeds with a plugin that ends with 1 (a line in the log tells), and there is no
# Authorization; a plugin beside the kubeconfig is not found. The same plugin by its full path gives its token (the control).
# Fails when that changes. Needs Python with venv, and PyPI.   usage: kubernetes-exec-plugin-in-silence.sh
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check kubernetes==37.0.1 aiohttp

mkdir beside
cat > beside/plugin <<'PROGRAM'
#!/bin/sh
[ -z "$1" ] || exit 1
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
PROGRAM
chmod +x beside/plugin

login() {
  cat > beside/kubeconfig <<CONFIG
apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: "$1", args: [$2], interactiveMode: Never}}}]
CONFIG
  venv/bin/python - 2> said <<'PROGRAM'
import asyncio
from kubernetes.aio import client, config

found = client.Configuration()
asyncio.run(config.load_kube_config("beside/kubeconfig", client_configuration=found))
print(found.api_key.get("BearerToken", "nobody"))
PROGRAM
}
control=$(login "$folder/beside/plugin" '""')
fails=$(login "$folder/beside/plugin" fail)
relative=$(login ./plugin '""')
echo "by its full path: $control; one that fails: $fails; ./plugin beside the kubeconfig: $relative"
[ "$control" = "Bearer t" ]
[ "$fails" = nobody ]
[ "$relative" = nobody ]
