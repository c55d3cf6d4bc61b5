{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "dns.guard" -}}
{{- include "common.guard" . -}}
{{- $config := .Values.config -}}
{{- $noop := eq $config.registry "noop" -}}
{{- if not $config.source -}}
{{- fail "config.source is required: at least one kind of object to read names from, such as service or ingress" -}}
{{- end -}}
{{- if not (or $noop $config.txtOwnerId) -}}
{{- fail "config.txtOwnerId is required: a name for this cluster that no other has which writes to the same zones" -}}
{{- end -}}
{{- if and $noop (eq $config.policy "sync") -}}
{{- fail "config.registry noop cannot go with config.policy sync: it would delete everybody's records" -}}
{{- end -}}
{{- if and $noop (or $config.migrateFromTxtOwner $config.adoptUnowned) -}}
{{- fail "config.migrateFromTxtOwner and config.adoptUnowned need config.registry txt" -}}
{{- end -}}
{{- if and $config.migrateFromTxtOwner (eq $config.migrateFromTxtOwner $config.txtOwnerId) -}}
{{- fail "config.migrateFromTxtOwner is the same as config.txtOwnerId: the owner id before goes there" -}}
{{- end -}}
{{- if and $config.txtPrefix $config.txtSuffix -}}
{{- fail "config.txtPrefix and config.txtSuffix exclude each other" -}}
{{- end -}}
{{- if not $config.events -}}
{{- fail "config.events cannot be off: changes of objects always trigger" -}}
{{- end -}}
{{- include "dns.encryptionGuard" . -}}
{{- with $config.fqdnTemplate -}}
{{- include "dns.templateGuard" (list $ .) -}}
{{- end -}}
{{- end -}}

{{- /* The key is a secret, so that it comes with the environment. */ -}}
{{- define "dns.encryptionGuard" -}}
{{- $names := list -}}
{{- range .Values.extraEnv -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $has := or .Values.extraEnvFrom (has "ADDONS_DNS_TXT_ENCRYPT_AES_KEY" $names) (has "EXTERNAL_DNS_TXT_ENCRYPT_AES_KEY" $names) -}}
{{- if and .Values.config.txtEncryptEnabled (not $has) -}}
{{- fail "config.txtEncryptEnabled needs the key: ADDONS_DNS_TXT_ENCRYPT_AES_KEY in extraEnv or extraEnvFrom" -}}
{{- end -}}
{{- end -}}

{{- /* Helm is written in Go, and so can read a template for names as the daemon does, though it knows other functions:
arguments are the root and the template. What is wrong with its syntax, Helm itself says. In a range or with, fields are
those of anything. */ -}}
{{- define "dns.templateGuard" -}}
{{- $fields := list ".Name" ".Namespace" ".Kind" ".APIVersion" ".Labels" ".Annotations" ".Metadata" ".ObjectMeta" ".Spec" ".Status" ".Object" -}}
{{- $words := list "and" "contains" "eq" "fromJson" "ge" "gt" "hasKey" "index" "isIPv4" "isIPv6" "isSource" "le" "len" "lt" "ne" "not" "or" "print" "printf" "replace" "slice" "toLower" "trim" "trimPrefix" "trimSuffix" "if" "with" "range" "else" "end" "break" "continue" "true" "false" "nil" -}}
{{- $moves := regexMatch "\\{\\{-?\\s*(with|range|else with)\\b" (last .) -}}
{{- $action := "\\{\\{(\"(\\\\.|[^\"\\\\])*\"|`[^`]*`|[^\"`}])*\\}\\}" -}}
{{- range regexFindAll $action (last .) -1 -}}
{{- $bare := regexReplaceAll "\"(\\\\.|[^\"\\\\])*\"|`[^`]*`|'[^']*'|/\\*.*?\\*/" . "" -}}
{{- $bare = regexReplaceAll "(\\$[A-Za-z_][A-Za-z0-9_]*|\\))(\\.[A-Za-z0-9_]+)*" $bare " " -}}
{{- range regexFindAll "[.]?[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z0-9_.]+)?" $bare -1 -}}
{{- $known := ternary $fields $words (hasPrefix "." .) -}}
{{- if not (or (has (regexFind "^[.]?[^.]*" .) $known) (and $moves (hasPrefix "." .))) -}}
{{- fail (printf "config.fqdnTemplate: %s is not known; allowed are %s" . (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if contains "}}" (regexReplaceAll $action (last .) "") -}}
{{- fail "config.fqdnTemplate: }} without its other half" -}}
{{- end -}}
{{- $read := regexReplaceAll "\\b(isIPv4|isIPv6|isSource|toLower)\\b" (last .) "lower" -}}
{{- $_ := tpl (printf "{{ define \"config.fqdnTemplate\" }}%s{{ end }}" $read) (first .) -}}
{{- end -}}
