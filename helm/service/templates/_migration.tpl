{{/*
The pod that migrates: `lock` is a sidecar that has started when it holds the lock, `migrate` is the variant's image,
which needs neither shell nor psql, `record` ends the Job.
*/}}
{{- define "service.migrationSpec" -}}
backoffLimit: 2
ttlSecondsAfterFinished: 86400
template:
  metadata:
    labels:
      app.kubernetes.io/instance: {{ .Release.Name }}
      app.kubernetes.io/component: migration
      frameworklab.dev/role: migration
      {{- include "service.commonLabels" . | nindent 6 }}
  spec:
    restartPolicy: Never
    terminationGracePeriodSeconds: 10
    serviceAccountName: {{ .Release.Name }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    {{- with .Values.imagePullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- include "service.podSecurityContext" . | nindent 6 }}
    initContainers:
      - name: lock
        {{- include "service.psql" (list . "files/lock.sh") | nindent 8 }}
        restartPolicy: Always
        startupProbe:
          exec:
            command: [test, -e, /tmp/held]
          periodSeconds: 1
          failureThreshold: 86400
        resources:
          {{- include "service.psqlResources" . | nindent 10 }}
      - name: migrate
        image: {{ include "service.image" . | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        command:
          {{- toYaml .Values.migration.command | nindent 10 }}
        env:
          {{- include "service.databaseUrl" . | nindent 10 }}
          {{- with .Values.extraEnv }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
        terminationMessagePolicy: FallbackToLogsOnError
        securityContext:
          {{- include "service.securityContext" . | nindent 10 }}
        resources:
          requests:
            cpu: 10m
            memory: {{ .Values.resources.memory | quote }}
          limits:
            memory: {{ .Values.resources.memory | quote }}
        volumeMounts:
          - name: tmp
            mountPath: /tmp
    containers:
      - name: record
        {{- include "service.psql" (list . "files/record.sh") | nindent 8 }}
        resources:
          {{- include "service.psqlResources" . | nindent 10 }}
    volumes:
      - name: tmp
        emptyDir: {}
{{- end -}}

{{/* A container of the image that has psql, to run one of the chart's scripts: arguments are the context and its file. */}}
{{- define "service.psql" -}}
{{- $context := index . 0 -}}
image: {{ $context.Values.schema.image | quote }}
imagePullPolicy: IfNotPresent
command: [sh, -c]
args:
  - |
    {{- $context.Files.Get (index . 1) | trim | nindent 4 }}
env:
  {{- include "service.psqlEnv" $context | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "service.securityContext" $context | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{- define "service.psqlResources" -}}
requests:
  cpu: 10m
  memory: 32Mi
limits:
  memory: 64Mi
{{- end -}}
