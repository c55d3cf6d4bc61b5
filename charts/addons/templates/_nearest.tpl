{{- /* The name that fewest changes of letters lead to, at most a third of them or two; nothing where none is that near. Arguments are a
word and the names. */ -}}
{{- define "addons.nearest" -}}
{{- $word := first . -}}
{{- $best := "" -}}
{{- $fewest := max 2 (div (len $word) 3) | add 1 | int -}}
{{- range last . -}}
{{- $changes := include "addons.changes" (list $word .) | int -}}
{{- if lt $changes $fewest -}}
{{- $best = . -}}
{{- $fewest = $changes -}}
{{- end -}}
{{- end -}}
{{- $best -}}
{{- end -}}

{{- /* How many letters must be added, left out or replaced to make one word of the other, whatever the case (Levenshtein). */ -}}
{{- define "addons.changes" -}}
{{- $from := first . | lower | splitList "" -}}
{{- $to := last . | lower | splitList "" -}}
{{- $above := untilStep 0 (int (add 1 (len $to))) 1 -}}
{{- range $row, $letter := $from -}}
{{- $here := list (int (add 1 $row)) -}}
{{- range $column, $other := $to -}}
{{- $replaced := add (index $above $column) (ternary 0 1 (eq $letter $other)) -}}
{{- $here = append $here (int (min $replaced (add 1 (last $here)) (add 1 (index $above (add1 $column))))) -}}
{{- end -}}
{{- $above = $here -}}
{{- end -}}
{{- last $above -}}
{{- end -}}
