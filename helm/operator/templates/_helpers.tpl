{{- define "operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.podLabels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: framework-lab
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "operator.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "operator.podLabels" . }}
{{- end -}}

{{/* What every pod says of itself, for the restricted Pod Security Standard. Takes (list . serviceAccount). */}}
{{- define "operator.pod" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ index . 1 }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* What every container says of itself. */}}
{{- define "operator.container" -}}
image: {{ include "operator.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end -}}

{{- define "operator.arguments" -}}
{{- range .Values.namespaces }}
- --namespace={{ . }}
{{- end }}
{{- end -}}

{{/*
Rights in all namespaces, or in those that are named. Takes (list . name rules metadata): `name` is that of the
ServiceAccount that has them; objects outside the release's namespace have both names, so that two releases don't meet.
*/}}
{{- define "operator.access" -}}
{{- $root := index . 0 -}}
{{- $account := index . 1 -}}
{{- $name := printf "%s-%s" $root.Release.Namespace $account -}}
{{- $kind := ternary "Role" "ClusterRole" (not (empty $root.Values.namespaces)) -}}
{{- $rules := index . 2 -}}
{{- $metadata := index . 3 -}}
{{- range $namespace := $root.Values.namespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- $metadata | nindent 2 }}
rules:
  {{- $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- $metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
{{- end -}}

{{/* Labels as a member of `metadata`. */}}
{{- define "operator.metadata" -}}
labels:
  {{- include "operator.labels" . | nindent 2 }}
{{- end -}}
