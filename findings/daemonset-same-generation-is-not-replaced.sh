#!/usr/bin/env bash
# Kubernetes 1.37.2: a DaemonSet that adopts pods of a deleted one may never replace them, though their template differs.
#
# Its documentation (DaemonSet, "Updating a DaemonSet") says that pods which were left by `kubectl delete --cascade=orphan`
# are adopted by a new DaemonSet with the same selector, and replaced by its update strategy if they need it. Seen: where
# both DaemonSets are of the same template generation (1 and 1, as with any that was never changed), the old pod counts as
# updated by its label pod-template-generation alone: updatedNumberScheduled is 1, `rollout status` is content, and the
# old program runs on. The label controller-revision-hash, which differs, is not looked at then. With the annotation
# deprecated.daemonset.template.generation of another number on the new DaemonSet (the control) the pod is replaced.
# Fails when that changes.   usage: KUBEBUILDER_ASSETS=FOLDER daemonset-same-generation-is-not-replaced.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap '"$here/../tests/kube/stop" "$folder" > /dev/null || true; rm -rf "$folder"' EXIT
KUBECONFIG=$(NODE_PORTS=30000-30511 "$here/../tests/kube/start" "$folder")
export KUBECONFIG
kubectl=${KUBEBUILDER_ASSETS:?folder of kube-apiserver, kube-controller-manager and etcd}/kubectl

daemonset() { # image, annotation
	cat <<-YAML
		apiVersion: apps/v1
		kind: DaemonSet
		metadata: {name: agent, namespace: default, annotations: {$2}}
		spec:
		  selector: {matchLabels: {app: agent}}
		  template:
		    metadata: {labels: {app: agent}}
		    spec:
		      tolerations: [{operator: Exists}]
		      containers: [{name: agent, image: "$1"}]
	YAML
}
image() { "$kubectl" get pods -l app=agent -o 'jsonpath={.items[*].spec.containers[0].image}'; }
await() { for _ in $(seq 150); do [ "$(image)" = "$1" ] && return; sleep 0.2; done; return 1; }
replace() { # annotation
	"$kubectl" delete daemonset agent --cascade=orphan > /dev/null
	daemonset new "$1" | "$kubectl" create -f - > /dev/null
}

"$kubectl" create -f - > /dev/null <<< '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}}'
daemonset old "" | "$kubectl" create -f - > /dev/null
await old
replace ""
if await new; then echo "the pod was replaced: fixed?"; exit 1; fi
updated=$("$kubectl" get daemonset agent -o 'jsonpath={.status.updatedNumberScheduled}')
echo "after 30 s the pod has image $(image), and $updated of 1 pods are said to be updated"
[ "$updated" = 1 ]
replace 'deprecated.daemonset.template.generation: "1000000"'
await new
echo "with another generation the pod has image $(image)"
