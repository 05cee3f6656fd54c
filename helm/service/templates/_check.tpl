{{/* Everything that the schema can't say, told at once. */}}
{{- define "service.check" -}}
{{- $problems := list -}}
{{- $database := include "service.hasDatabase" . -}}
{{- if not .Values.variant -}}
{{- $problems = append $problems "variant: missing; the name of what is measured, for example  variant: mine" -}}
{{- end -}}
{{- if not .Values.role -}}
{{- $problems = append $problems "role: missing; for example  role: catalog" -}}
{{- end -}}
{{- if eq .Values.role "migration" -}}
{{- $problems = append $problems "role: migration is what the pods of the Job are called; choose another name" -}}
{{- end -}}
{{- if not .Values.image.repository -}}
{{- $problems = append $problems "image.repository: missing; for example  image.repository: registry.example.com/mine" -}}
{{- end -}}
{{- if not (or .Values.image.tag .Values.image.digest) -}}
{{- $problems = append $problems "image: give a tag or a digest; what an untagged image is changes under a running service" -}}
{{- end -}}
{{- if and .Values.database.url .Values.database.existingSecret -}}
{{- $problems = append $problems "database: give url or existingSecret, not both" -}}
{{- end -}}
{{- if and .Values.database.url (not (regexMatch "^postgres(ql)?://" .Values.database.url)) -}}
{{- $problems = append $problems "database.url: begins with postgresql://, for example  postgresql://user:password@host:5432/name" -}}
{{- end -}}
{{- if and .Values.migration.enabled (not .Values.migration.command) -}}
{{- $problems = append $problems "migration.command: missing; the argument list that migrates, for example  [python, manage.py, migrate]" -}}
{{- end -}}
{{- if and .Values.migration.enabled (not $database) -}}
{{- $problems = append $problems "migration.enabled: there is no database to migrate; give database.url or database.existingSecret" -}}
{{- end -}}
{{- if and .Values.migration.enabled (not .Values.image.digest) (eq .Values.image.tag "latest") -}}
{{- $problems = append $problems "image.tag: latest moves, and what it is next would never be migrated; give the tag of one build, or image.digest" -}}
{{- end -}}
{{- if and .Values.migration.enabled (gt (len .Release.Name) 35) -}}
{{- $problems = append $problems (printf "release name: %s has %d characters, and leaves no room for the name of its Job; 35 are allowed" .Release.Name (len .Release.Name)) -}}
{{- end -}}
{{- if and (not .Values.serve) (not .Values.migration.enabled) -}}
{{- $problems = append $problems "serve: false, and migration.enabled: false, leave nothing to install; set one of them to true" -}}
{{- end -}}
{{- if .Values.serve -}}
{{- if and (has .Values.role (list "catalog" "orders")) (not $database) -}}
{{- $problems = append $problems (printf "database: role %s keeps its data in PostgreSQL; give database.url or database.existingSecret" .Values.role) -}}
{{- end -}}
{{- if and (eq .Values.role "orders") (not .Values.catalog.url) -}}
{{- $problems = append $problems "catalog.url: role orders reads prices there; for example  catalog.url: http://catalog:8000" -}}
{{- end -}}
{{- end -}}
{{- with .Values.resources -}}
{{- if and .cpuRequest (gt (include "service.millicpu" .cpuRequest | float64) (include "service.millicpu" .cpu | float64)) -}}
{{- $problems = append $problems (printf "resources.cpuRequest: %v is above the limit, resources.cpu: %v" .cpuRequest .cpu) -}}
{{- end -}}
{{- end -}}
{{- $least := add .Values.termination.preStopSeconds 12 | int -}}
{{- if lt (int .Values.termination.gracePeriodSeconds) $least -}}
{{- $problems = append $problems (printf "termination.gracePeriodSeconds: %d is too short; it is at least preStopSeconds + 12 = %d, as a service may take 10 s to end and 2 s to send its last telemetry" (int .Values.termination.gracePeriodSeconds) $least) -}}
{{- end -}}
{{- if and (ne .Values.autoscaler.kind "none") (gt (int .Values.autoscaler.minReplicas) (int .Values.autoscaler.maxReplicas)) -}}
{{- $problems = append $problems (printf "autoscaler.minReplicas: %d is above maxReplicas, %d" (int .Values.autoscaler.minReplicas) (int .Values.autoscaler.maxReplicas)) -}}
{{- end -}}
{{- if and (eq .Values.autoscaler.kind "httpautoscaler") (eq .Values.telemetry.mode "off") -}}
{{- $problems = append $problems "autoscaler.kind: httpautoscaler decides by what replicas tell of themselves, and telemetry.mode: off has them tell nothing" -}}
{{- end -}}
{{- $set := list "DATABASE_URL" -}}
{{- range include "service.env" . | fromYamlArray -}}
{{- $set = append $set .name -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if has .name $set -}}
{{- $problems = append $problems (printf "extraEnv: %s is set by the chart, or twice; take it out here" .name) -}}
{{- end -}}
{{- $set = append $set .name -}}
{{- end -}}
{{- with $problems -}}
{{- fail (printf "\n%d problem%s in the values of release %s\n  %s\n" (len .) (ternary "" "s" (eq (len .) 1)) $.Release.Name (join "\n  " .)) -}}
{{- end -}}
{{- end -}}
