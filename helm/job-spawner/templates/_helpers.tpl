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
{{- required "config.gateway-listen is needed, as HOST:PORT, such as 0.0.0.0:8480" (regexFind "[0-9]+$" (index .Values.config "gateway-listen" | default "")) }}
{{- end }}

{{- define "job-spawner.metricsPort" -}}
{{- required "config.metrics-listen is needed, as HOST:PORT, such as 0.0.0.0:9216" (regexFind "[0-9]+$" (index .Values.config "metrics-listen" | default "")) }}
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

{{/* config.shutdown-grace in whole seconds; nothing where it is not set. The schema knows its form. */}}
{{- define "job-spawner.shutdownGraceSeconds" -}}
{{- with index .Values.config "shutdown-grace" }}
{{- $unit := regexFind "[a-z]+$" . }}
{{- $count := regexFind "^[0-9]+" . | atoi }}
{{- if eq $unit "ms" }}{{ div $count 1000 }}{{ else }}{{ mul $count (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit | int) }}{{ end }}
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
{{- $port := include "job-spawner.port" . }}
{{- $metricsPort := include "job-spawner.metricsPort" . }}
{{- range $key, $port := dict "gateway-listen" $port "metrics-listen" $metricsPort }}
{{- if or (lt (atoi $port) 1) (gt (atoi $port) 65535) }}
{{- fail (printf "config.%s has the port %s: choose one from 1 to 65535, such as 0.0.0.0:8480" $key $port) }}
{{- end }}
{{- end }}
{{- if eq (atoi $port) (atoi $metricsPort) }}
{{- fail (printf "config.gateway-listen and config.metrics-listen have the same port, %s: choose another one for one of them" $port) }}
{{- end }}
{{- $grace := include "job-spawner.shutdownGraceSeconds" . }}
{{- if and $grace (ge (int $grace) (int .Values.terminationGracePeriodSeconds)) }}
{{- fail (printf "config.shutdown-grace is %ss, but terminationGracePeriodSeconds, after which the pod is killed, is %d: set it to %d or more" $grace (int .Values.terminationGracePeriodSeconds) (add (int $grace) 40)) }}
{{- end }}
{{- $jobs := include "job-spawner.jobsNamespace" . }}
{{- if and (eq $jobs .Release.Namespace) (ne $jobs (index .Values.config "ledger-namespace" | default "")) }}
{{- fail (printf "the release's namespace and the Jobs' namespace are both %q: pipelines could mount the agent token and the ledger there. Install into another namespace (helm install --namespace ... --create-namespace), or set config.namespace; config.ledger-namespace=%s says that you accept it" $jobs $jobs) }}
{{- end }}
{{- end }}
