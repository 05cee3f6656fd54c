{{- define "service.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "service.selectorLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .Values.role }}
{{- end -}}

{{- define "service.podLabels" -}}
{{ include "service.selectorLabels" . }}
frameworklab.dev/role: {{ .Values.role }}
{{ include "service.commonLabels" . }}
{{- end -}}

{{/* As the lab calls levels of telemetry: `off`, `metrics`, or `official-5` where 5 % of requests are traced. */}}
{{- define "service.telemetryLevel" -}}
{{- with .Values.telemetry -}}
{{ .mode }}{{ if eq .mode "official" }}-{{ round (mulf .traced 100) 3 }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "service.commonLabels" -}}
app.kubernetes.io/name: {{ .Values.variant }}
app.kubernetes.io/part-of: framework-lab
app.kubernetes.io/managed-by: {{ .Release.Service }}
frameworklab.dev/variant: {{ .Values.variant }}
{{- end -}}

{{- define "service.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "service.podLabels" . }}
{{- end -}}

{{- define "service.hasDatabase" -}}
{{- if or .Values.database.url .Values.database.existingSecret }}true{{ end -}}
{{- end -}}

{{- define "service.hasTokenKey" -}}
{{- if and .Values.tokenKey.secretName (not (has .Values.role (list "recommend" "ping"))) }}true{{ end -}}
{{- end -}}

{{- define "service.databaseUrl" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret | default (printf "%s-database" .Release.Name) }}
      key: {{ ternary .Values.database.key "url" (not (empty .Values.database.existingSecret)) }}
{{- end -}}

{{/* What psql needs beside DATABASE_URL. Its user has no name in the image, so that a URL without one needs PGUSER. */}}
{{- define "service.psqlEnv" -}}
{{ include "service.databaseUrl" . }}
- name: IMAGE
  value: {{ include "service.image" . | quote }}
- name: PGUSER
  value: postgres
- name: PGCONNECT_TIMEOUT
  value: "5"
{{- end -}}

{{- define "service.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "service.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* A quantity of CPU, such as 250m or 0.25, as a number of thousandths. */}}
{{- define "service.millicpu" -}}
{{- $text := toString . -}}
{{- ternary ($text | trimSuffix "m" | float64) (mulf ($text | trimSuffix "m" | float64) 1000) (hasSuffix "m" $text) -}}
{{- end -}}

{{/* The same for every container of a pod that serves, so that with limit = request the pod is Guaranteed. */}}
{{- define "service.resources" -}}
requests:
  cpu: {{ .Values.resources.cpuRequest | default .Values.resources.cpu | quote }}
  memory: {{ .Values.resources.memory | quote }}
limits:
  cpu: {{ .Values.resources.cpu | quote }}
  memory: {{ .Values.resources.memory | quote }}
{{- end -}}
