{{- define "job-spawner.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "job-spawner.fullname" -}}
{{- $name := include "job-spawner.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "job-spawner.selectorLabels" -}}
app.kubernetes.io/name: {{ include "job-spawner.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "job-spawner.labels" -}}
{{ include "job-spawner.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "job-spawner.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "job-spawner.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "job-spawner.tokenSecretName" -}}
{{- .Values.agentTokenSecret | default (printf "%s-agent-token" (include "job-spawner.fullname" .)) }}
{{- end }}

{{- define "job-spawner.jobsNamespace" -}}
{{- required "config.namespace is needed: it is where the Jobs run" .Values.config.namespace }}
{{- end }}

{{- define "job-spawner.ledgerNamespace" -}}
{{- index .Values.config "ledger-namespace" | default .Release.Namespace }}
{{- end }}

{{- define "job-spawner.port" -}}
{{- required "config.gateway-listen is needed, as HOST:PORT" (regexFind "[0-9]+$" (index .Values.config "gateway-listen" | default "")) }}
{{- end }}

{{- define "job-spawner.metricsPort" -}}
{{- required "config.metrics-listen is needed, as HOST:PORT" (regexFind "[0-9]+$" (index .Values.config "metrics-listen" | default "")) }}
{{- end }}

{{- define "job-spawner.gatewayUrl" -}}
{{- $host := printf "%s.%s.svc" (include "job-spawner.fullname" .) (include "job-spawner.ledgerNamespace" .) }}
{{- if .Values.clusterDomain }}
{{- $host = printf "%s.%s" $host .Values.clusterDomain }}
{{- end }}
{{- printf "http://%s:%s" $host (include "job-spawner.port" .) }}
{{- end }}

{{/* Replicas go to different nodes where they can, unless the values say something else of it. */}}
{{- define "job-spawner.affinity" -}}
{{- $affinity := deepCopy .Values.affinity }}
{{- if and (gt (int .Values.replicas) 1) (not (hasKey $affinity "podAntiAffinity")) }}
{{- $labels := include "job-spawner.selectorLabels" . | fromYaml }}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) }}
{{- $preferred := list (dict "weight" 100 "podAffinityTerm" $term) }}
{{- $affinity = set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" $preferred) }}
{{- end }}
{{- if $affinity }}
{{- toYaml $affinity }}
{{- end }}
{{- end }}

{{/* What the schema can't say. The schema refuses a token in `config` too; this is for --skip-schema-validation. */}}
{{- define "job-spawner.check" -}}
{{- if and (not .Values.agentToken) (not .Values.agentTokenSecret) }}
{{- fail "there is no agent token: set agentToken, or agentTokenSecret to the name of a Secret with the key BUILDKITE_AGENT_TOKEN" }}
{{- end }}
{{- if and .Values.agentToken .Values.agentTokenSecret }}
{{- fail "agentToken and agentTokenSecret are both set: remove one of them" }}
{{- end }}
{{- if or (hasKey .Values.config "token") (hasKey .Values.config "token-file") }}
{{- fail "the agent token can't be part of config, which becomes a ConfigMap: set agentToken or agentTokenSecret" }}
{{- end }}
{{- $jobs := include "job-spawner.jobsNamespace" . }}
{{- if and (eq $jobs .Release.Namespace) (ne $jobs (index .Values.config "ledger-namespace" | default "")) }}
{{- fail (printf "the release's namespace and the Jobs' namespace are both %q: pipelines could mount the agent token and the ledger there. Install into another namespace (helm install --namespace ... --create-namespace), or set config.namespace; config.ledger-namespace=%s says that you accept it" $jobs $jobs) }}
{{- end }}
{{- end }}
