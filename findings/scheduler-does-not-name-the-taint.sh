#!/usr/bin/env bash
# Kubernetes 1.37.2: the scheduler says that taints keep a pod from the nodes, but no longer which.
#
# Its documentation (Debug Pods; Taints and Tolerations) sends people to the Event FailedScheduling, which used to have key and
# value: "1 node(s) had untolerated taint {example.org/full: }". Seen: "1 node(s) had untolerated taint(s)". Taints come before
# resources, so that a node which both lacks a resource and is tainted for it shows nothing of the reason. With the resource
# alone (the control) its name is told: "Insufficient example.org/address". Fails when the taint is named.
#   usage: KUBEBUILDER_ASSETS=FOLDER scheduler-does-not-name-the-taint.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap '"$here/../tests/kube/stop" "$folder" > /dev/null || true; rm -rf "$folder"' EXIT
KUBECONFIG=$(NODE_PORTS=30000-30511 "$here/../tests/kube/start" "$folder")
export KUBECONFIG
kubectl=${KUBEBUILDER_ASSETS:?folder of kube-apiserver, kube-scheduler and etcd}/kubectl

"$kubectl" create -f - > /dev/null <<- YAML
	apiVersion: v1
	kind: Node
	metadata: {name: node}
	status: {allocatable: {pods: "9", cpu: "1"}}
YAML
told() { # name: make a pod of this name that wants the resource; what is said of it
	"$kubectl" create -f - > /dev/null <<- YAML
		apiVersion: v1
		kind: Pod
		metadata: {name: $1, namespace: default}
		spec:
		  tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists}]
		  containers: [{name: main, image: none, resources: {limits: {example.org/address: "1"}}}]
	YAML
	local about=(events --field-selector "involvedObject.name=$1,reason=FailedScheduling" -o "jsonpath={.items[*].message}")
	for _ in $(seq 100); do "$kubectl" get "${about[@]}" | grep . && return; sleep 0.1; done
	return 1
}

told control | grep "Insufficient example.org/address"
"$kubectl" taint node node example.org/full=:NoSchedule > /dev/null
said=$(told tainted)
echo "$said"
if grep -q example.org <<< "$said"; then echo "the taint is named: fixed?"; exit 1; fi
grep -q "untolerated taint" <<< "$said"
