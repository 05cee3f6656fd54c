{{/* Everything that the schema can't say, told at once. */}}
{{- define "operator.check" -}}
{{- $problems := list -}}
{{- if not .Values.image.repository -}}
{{- $problems = append $problems "image.repository: missing; for example  image.repository: registry.example.com/team/operator" -}}
{{- end -}}
{{- if not (or .Values.image.tag .Values.image.digest) -}}
{{- $problems = append $problems "image.tag: missing; the tag of one build, which  lab images  makes and  docker image ls framework-lab/operator  lists" -}}
{{- end -}}
{{- if .Values.crd.install -}}
{{- with lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "httpautoscalers.autoscaling.frameworklab.dev" -}}
{{- $name := dig "annotations" "meta.helm.sh/release-name" "" .metadata -}}
{{- $namespace := dig "annotations" "meta.helm.sh/release-namespace" "" .metadata -}}
{{- if or (ne $name $.Release.Name) (ne $namespace $.Release.Namespace) -}}
{{- $owner := ternary (printf "release %s of namespace %s" $name $namespace) "nobody's release" (not (empty $name)) -}}
{{- $problems = append $problems (printf "crd.install: the cluster has the definition of HTTPAutoscaler already, of %s; set crd.install=false, or make it this release's:\n    kubectl label --overwrite crd %s app.kubernetes.io/managed-by=Helm\n    kubectl annotate --overwrite crd %s meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s" $owner .metadata.name .metadata.name $.Release.Name $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $problems -}}
{{- fail (printf "\n%d problem%s in the values of release %s\n  %s\n" (len .) (ternary "" "s" (eq (len .) 1)) $.Release.Name (join "\n  " .)) -}}
{{- end -}}
{{- end -}}
