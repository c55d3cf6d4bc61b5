#!/usr/bin/env bash
# helm-python-sdk 0.2.2: a loaded chart that was rendered once without a dependency never renders it again.
#
# `Chart.render(values)` looks like a function of the chart and the values. A dependency with a condition, which the values of one
# render switch off, is taken out of the loaded chart itself: the next render of the same object, whose values switch it on, has none
# of its templates, and nothing tells so. Seen, in ConfigMaps of a parent and its child: "off, on: [1, 1]". The other way round both
# renders are right (the control, "on, off: [2, 1]"). A chart that is rendered with several values has to be loaded for each.
# Fails when that changes. Needs Python with venv, and PyPI.   usage: helm-python-chart-forgets-dependencies.sh
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check helm-python-sdk==0.2.2
mkdir -p parent/charts/child/templates parent/templates
cat > parent/Chart.yaml <<- YAML
	apiVersion: v2
	name: parent
	version: 1.0.0
	dependencies: [{name: child, version: 1.0.0, condition: child.enabled}]
YAML
cat > parent/charts/child/Chart.yaml <<- YAML
	apiVersion: v2
	name: child
	version: 1.0.0
YAML
for chart in parent parent/charts/child; do
	cat > "$chart/templates/map.yaml" <<- YAML
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: "{{ .Chart.Name }}"}
	YAML
done
cat > renders.py <<- PYTHON
	import helm_python as helm
	import sys

	def rendered(*switches):
	    with helm.Chart.load("parent") as chart:
	        return [len(chart.render({"child": {"enabled": each}}, name="a", namespace="b")) for each in switches]

	control, seen = rendered(True, False), rendered(False, True)
	print(f"on, off: {control}\noff, on: {seen}")
	sys.exit((control, seen) != ([2, 1], [1, 1]))
PYTHON
venv/bin/python renders.py
