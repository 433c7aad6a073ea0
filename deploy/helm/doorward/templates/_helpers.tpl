{{- define "doorward.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "doorward.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 | trimSuffix "-" | quote }}
{{- end }}

{{- define "doorward.labels" -}}
{{ include "doorward.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "doorward.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* What gateways need that the schema cannot tell. */}}
{{- define "doorward.check" -}}
{{- $many := or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled -}}
{{- $state := .Values.config.state | default dict -}}
{{- if and $many (not (and $state.redis $state.key)) }}{{ fail "more than one replica needs config.state.redis and config.state.key: without them a nonce is good at each, and an approval at one" }}{{ end -}}
{{- $listen := .Values.config.listen | default dict -}}
{{- if not (or .Values.tls.secretName $listen.trusted_proxies) }}{{ fail "config.listen.trusted_proxies is needed where TLS ends in a proxy: the network of its pods. Without it every client has the proxy's address, and who guesses credentials has all of them refused; or write tls.secretName" }}{{ end -}}
{{- if and $many (not .Values.lock) }}{{ fail "more than one replica needs lock (--set-file lock=doorward.lock): without it each withholds everything by itself" }}{{ end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.min) (int .Values.autoscaling.max)) }}{{ fail "autoscaling.min is more than autoscaling.max" }}{{ end -}}
{{- if and .Values.metrics.enabled (not .Values.metrics.image) }}{{ fail "metrics.enabled needs metrics.image, an image of HAProxy by its digest" }}{{ end -}}
{{- if and .Values.metrics.serviceMonitor (not .Values.metrics.enabled) }}{{ fail "metrics.serviceMonitor needs metrics.enabled" }}{{ end -}}
{{- if and .Values.ingress.enabled (not (and .Values.ingress.host .Values.ingress.tlsSecretName)) }}{{ fail "ingress.enabled needs ingress.host and ingress.tlsSecretName: credentials do not travel in plain text" }}{{ end -}}
{{- if and .Values.confinedCommands.enabled (not .Values.confinedCommands.seccompProfile) }}{{ fail "confinedCommands.enabled needs confinedCommands.seccompProfile" }}{{ end -}}
{{- end }}

{{/* doorward.yaml: what the values say, and over it what the chart knows. */}}
{{- define "doorward.config" -}}
{{- $listen := deepCopy (.Values.config.listen | default dict) -}}
{{- $_ := set $listen "address" "0.0.0.0:8080" -}}
{{- $_ := set $listen "health" true -}}
{{- $_ := set $listen "stop" (dict "notice" (printf "%ds" (int .Values.stop.notice)) "grace" (printf "%ds" (int .Values.stop.grace))) -}}
{{- if .Values.tls.secretName -}}
{{- $_ := set $listen "tls" (merge (dict "cert" "/run/secrets/doorward-tls/tls.crt" "key" "/run/secrets/doorward-tls/tls.key") ($listen.tls | default dict)) -}}
{{- else -}}
{{- $_ := set $listen "tls" (dict "terminated_by" "proxy") -}}
{{- end -}}
{{- $secrets := deepCopy (.Values.config.secrets | default dict) -}}
{{- range .Values.secretFiles -}}
{{- if hasKey $secrets .name }}{{ fail (printf "secretFiles and config.secrets both have %s" .name) }}{{ end -}}
{{- $_ := set $secrets .name (merge (dict "from" (printf "file:/run/secrets/doorward/%s" .name) "required" true) (omit . "name" "secretName" "key")) -}}
{{- end -}}
{{- $trust := deepCopy (.Values.config.trust | default dict) -}}
{{- $_ := set $trust "lock" (ternary "/etc/doorward/doorward.lock" "/data/doorward.lock" (ne .Values.lock "")) -}}
{{- $all := merge (dict "data_dir" "/data/doorward" "admin" (dict "address" "127.0.0.1:9090") "listen" $listen "trust" $trust) (omit .Values.config "listen" "trust" "secrets") -}}
{{- if $secrets }}{{ $_ := set $all "secrets" $secrets }}{{ end -}}
{{- toYaml $all -}}
{{- end }}

{{/* Passes on GET /metrics of the admin listener, which answers loopback alone, and nothing else. */}}
{{- define "doorward.haproxy" -}}
global
    log stdout format raw local0 warning
    maxconn 64
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout http-request 5s
frontend metrics
    bind :{{ .Values.metrics.port }}
    http-request deny deny_status 404 unless { method GET } { path /metrics }
    http-request set-header Host localhost
    default_backend admin
backend admin
    server admin 127.0.0.1:9090
{{- end }}
