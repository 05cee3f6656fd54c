{{/* Labels of the part `name`. Takes (list . name). */}}
{{- define "platform.labels" -}}
{{- $root := index . 0 -}}
{{ include "platform.selector" . }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: framework-lab
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{/* What a Deployment and a Service know their pods by. Takes (list . name). */}}
{{- define "platform.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{/* Name, namespace and labels of an object of the part `name`. Takes (list . name). */}}
{{- define "platform.metadata" -}}
name: {{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels:
  {{- include "platform.labels" . | nindent 2 }}
{{- end }}

{{/* Name and labels of an object outside the namespace: its name has the namespace's. Takes (list . name). */}}
{{- define "platform.clusterMetadata" -}}
name: {{ (index . 0).Release.Namespace }}-{{ index . 1 }}
labels:
  {{- include "platform.labels" . | nindent 2 }}
{{- end }}

{{/* What every pod says of itself, for the restricted Pod Security Standard. Takes (list uid asksTheApiServer). */}}
{{- define "platform.pod" -}}
{{- $uid := index . 0 -}}
automountServiceAccountToken: {{ index . 1 }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $uid }}
  runAsGroup: {{ $uid }}
  fsGroup: {{ $uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every container says of itself. */}}
{{- define "platform.container" -}}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* A Service in front of the part `name`. Takes (list . name port targetPort nodePort), nodePort 0 where it has none. */}}
{{- define "platform.service" -}}
{{- $root := index . 0 -}}
{{- $nodePort := $root.Values.nodePorts.enabled | ternary (index . 4) 0 -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "platform.metadata" . | nindent 2 }}
spec:
  type: {{ $nodePort | empty | ternary "ClusterIP" "NodePort" }}
  selector:
    {{- include "platform.selector" . | nindent 4 }}
  ports:
    - name: {{ index . 3 }}
      port: {{ index . 2 }}
      targetPort: {{ index . 3 }}
      {{- with $nodePort }}
      nodePort: {{ . }}
      {{- end }}
{{- end }}

{{/* "true" where the chart makes the part with these values. */}}
{{- define "platform.made" -}}
{{- if and .enabled (not .url) }}true{{ end }}
{{- end }}

{{/* Where Prometheus, Tempo and its intake are, empty where there is none. */}}
{{- define "platform.prometheusUrl" -}}
{{- with .Values.prometheus }}{{ if .enabled }}{{ .url | default "http://prometheus:9090" | trimSuffix "/" }}{{ end }}{{ end }}
{{- end }}
{{- define "platform.tempoUrl" -}}
{{- with .Values.tempo }}{{ if .enabled }}{{ .url | default "http://tempo:3200" | trimSuffix "/" }}{{ end }}{{ end }}
{{- end }}
{{- define "platform.tempoIntake" -}}
{{- with .Values.tempo }}{{ if .enabled }}{{ .otlpEndpoint | default "tempo:4317" }}{{ end }}{{ end }}
{{- end }}

{{/* "true" where kubelets may be read. */}}
{{- define "platform.cadvisor" -}}
{{- with .Values }}{{ if and (include "platform.made" .prometheus) .prometheus.cadvisor.enabled (not .namespaced) }}true{{ end }}{{ end }}
{{- end }}
