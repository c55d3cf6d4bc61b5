{{- /* Refuses, in words, what users bring along from the chart of the original. The schema leaves that to this guard:
Helm would show the words of the schema alone. */ -}}
{{- define "common.guard" -}}
{{- range $file, $_ := .Files.Glob "files/values-of-*.yaml" -}}
{{- range $key, $here := $.Files.Get $file | fromYaml -}}
{{- if and $here (include "common.isSet" (list $.Values (splitList "." $key))) -}}
{{- fail (printf "%s%s %s" (ternary "" (printf "below %s: " $.Chart.Name) $.Chart.IsRoot) $key $here) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if kindIs "map" .Values.extraArgs -}}
{{- fail "extraArgs is a list of flags here, such as [--log-level=debug]" -}}
{{- end -}}
{{- if kindIs "map" .Values.extraEnv -}}
{{- fail "extraEnv is a list here, as in a container: [{name: A, value: b}]" -}}
{{- end -}}
{{- include "common.formsGuard" . -}}
{{- range $name, $image := dict "image" .Values.image "global.image" ((.Values.global).image | default dict) -}}
{{- if not (regexMatch "^(sha256:[0-9a-f]{64})?$" ($image.digest | default "")) -}}
{{- fail (printf "%s.digest: %q is not a digest, sha256: and 64 hexadecimal digits" $name $image.digest) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Texts that have not the form of their setting. */ -}}
{{- define "common.formsGuard" -}}
{{- range $key, $form := .Files.Get "files/forms.yaml" | fromYaml -}}
{{- include "common.formGuard" (list (printf "config.%s" $key) (index $.Values.config $key) $form) -}}
{{- with index (dict "awsRegion" "region" "awsEndpointUrl" "awsEndpointUrl" "clusterName" "clusterName") $key -}}
{{- include "common.formGuard" (list (printf "global.%s" .) (index ($.Values.global | default dict) .) $form) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Arguments are the name of a value, the value, and the form of its texts. */ -}}
{{- define "common.formGuard" -}}
{{- $name := first . -}}
{{- $value := index . 1 -}}
{{- $form := last . -}}
{{- $texts := list $value -}}
{{- if kindIs "slice" $value -}}{{- $texts = $value -}}{{- end -}}
{{- if kindIs "map" $value -}}{{- $texts = values $value -}}{{- end -}}
{{- range $texts -}}
{{- if and (kindIs "string" .) (not (regexMatch $form.pattern .)) -}}
{{- fail (printf "%s: %q is not %s" $name . $form.words) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Whether there is a value, null included: arguments are a map and the keys that lead to the value. */ -}}
{{- define "common.isSet" -}}
{{- $at := first . -}}
{{- $found := true -}}
{{- range last . -}}
{{- if and (kindIs "map" $at) (hasKey $at .) -}}
{{- $at = index $at . -}}
{{- else -}}
{{- $found = false -}}
{{- $at = "" -}}
{{- end -}}
{{- end -}}
{{- if $found }}yes{{ end -}}
{{- end -}}

{{- /* The seconds of a duration such as 1h30m. */ -}}
{{- define "common.seconds" -}}
{{- $units := dict "ns" 1e-9 "us" 1e-6 "µs" 1e-6 "μs" 1e-6 "ms" 1e-3 "s" 1 "m" 60 "h" 3600 -}}
{{- $seconds := 0.0 -}}
{{- range regexFindAll "[0-9.]+[^0-9.]+" . -1 -}}
{{- $seconds = addf $seconds (mulf (regexFind "[0-9.]+" .) (index $units (regexFind "[^0-9.]+" .))) -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{- /* Whether bits are set in a network such as 10.0.0.1/16 behind those that its length counts. */ -}}
{{- define "common.hasHostBits" -}}
{{- $address := splitList "/" . | first -}}
{{- $isV6 := contains ":" $address -}}
{{- $bits := ternary 16 8 $isV6 -}}
{{- $left := splitList "/" . | last | int -}}
{{- if not (contains "/" .) -}}{{- $left = 128 -}}{{- end -}}
{{- range (ternary (include "common.groups" $address) (replace "." " " $address) $isV6 | splitList " ") -}}
{{- $number := int64 (ternary (printf "0x%s" .) . $isV6) -}}
{{- $size := 1 -}}
{{- range until (int (max 0 (sub $bits (max 0 $left)))) -}}{{- $size = mul $size 2 -}}{{- end -}}
{{- if mod $number $size }}yes{{ end -}}
{{- $left = sub $left $bits -}}
{{- end -}}
{{- end -}}

{{- /* The eight groups of an IPv6 address, with spaces between them. */ -}}
{{- define "common.groups" -}}
{{- $halves := splitList "::" . -}}
{{- $before := splitList ":" (first $halves) | compact -}}
{{- $after := list -}}
{{- if eq (len $halves) 2 -}}{{- $after = splitList ":" (last $halves) | compact -}}{{- end -}}
{{- $zeros := list -}}
{{- range until (int (sub 8 (add (len $before) (len $after)))) -}}{{- $zeros = append $zeros "0" -}}{{- end -}}
{{- concat $before $zeros $after | join " " -}}
{{- end -}}
