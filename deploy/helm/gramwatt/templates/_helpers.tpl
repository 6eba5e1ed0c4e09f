{{- define "gramwatt.labels" -}}
app.kubernetes.io/part-of: gramwatt
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
{{- define "gramwatt.exporter.selector" -}}
app.kubernetes.io/name: gramwatt-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "gramwatt.labeler.selector" -}}
app.kubernetes.io/name: gramwatt-labeler
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "gramwatt.name" -}}
{{- if contains "gramwatt" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-gramwatt{{ end }}
{{- end }}
