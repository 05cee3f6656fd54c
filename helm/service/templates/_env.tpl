{{/* The environment of services/contract/runtime.md, as the values have it. */}}
{{- define "service.env" -}}
- name: LAB_ROLE
  value: {{ .Values.role | quote }}
- name: LAB_VARIANT
  value: {{ .Values.variant | quote }}
- name: LAB_HOST
  value: 0.0.0.0
- name: LAB_PORT
  value: "8000"
- name: LAB_METRICS_PORT
  value: "8001"
- name: LAB_DRAIN_S
  value: {{ .Values.termination.drainSeconds | quote }}
- name: LAB_STREAM_MAX_S
  value: {{ .Values.streamMaxSeconds | quote }}
- name: LAB_DB_CONNECTIONS
  value: {{ .Values.database.connections | quote }}
{{- if include "service.hasDatabase" . }}
{{ include "service.databaseUrl" . }}
{{- end }}
{{- with .Values.cache.url }}
- name: CACHE_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.catalog.url }}
- name: CATALOG_URL
  value: {{ . | quote }}
{{- end }}
{{- if include "service.hasTokenKey" . }}
- name: LAB_TOKEN_KEY_FILE
  value: /etc/framework-lab/token/key
{{- end }}
{{- if eq .Values.role "recommend" }}
- name: LAB_MODEL_FILE
  value: /etc/framework-lab/model/model
{{- end }}
{{ include "service.telemetryEnv" . }}
{{- end -}}

{{- define "service.telemetryEnv" -}}
- name: LAB_TELEMETRY
  value: {{ .Values.telemetry.mode | quote }}
{{- if eq .Values.telemetry.mode "official" }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .Values.telemetry.traced | quote }}
{{- with .Values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}
- name: K8S_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: K8S_NAMESPACE_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: K8S_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: OTEL_RESOURCE_ATTRIBUTES
  value: service.instance.id=$(K8S_POD_NAME),k8s.pod.name=$(K8S_POD_NAME),k8s.namespace.name=$(K8S_NAMESPACE_NAME),k8s.deployment.name={{ .Release.Name }},k8s.node.name=$(K8S_NODE_NAME)
{{- end -}}
