package config_test

import (
	"strings"
	"testing"

	"doorward/internal/config"
)

func TestTelemetry(t *testing.T) {
	for _, tc := range []struct{ name, written, want string }{
		{"to nobody", `{log: {level: debug}}`, ""},
		{"on this machine", `{otlp: "http://127.0.0.1:4317"}`, ""},
		{"to another", `{otlp: "https://otel.example.com", token: t, headers: {X-Team: t}, sample: 0.1, trust_parent: true, propagate: all, signals: [traces], interval: 10s}`, ""},
		{"in the clear", `{otlp: "http://otel.example.com:4317"}`, "must be https"},
		{"with a path", `{otlp: "https://otel.example.com/v1/traces"}`, "must have no path"},
		{"with a password", `{otlp: "https://a:b@otel.example.com"}`, "telemetry.otlp"},
		{"more than all", `{otlp: "https://otel.example.com", sample: 1.5}`, "from 0 to 1"},
		{"no number", `{otlp: "https://otel.example.com", sample: NaN}`, "from 0 to 1"},
		{"less than none", `{otlp: "https://otel.example.com", sample: -0.1}`, "from 0 to 1"},
		{"no secret", `{otlp: "https://otel.example.com", token: none}`, "must be the name of an entry of secrets"},
		{"no secret in a header", `{otlp: "https://otel.example.com", headers: {X-Team: none}}`, "must be the name of an entry of secrets"},
		{"a header of HTTP", `{otlp: "https://otel.example.com", headers: {Content-Type: t}}`, "HTTP and MCP themselves use"},
		{"two proofs", `{otlp: "https://otel.example.com", token: t, headers: {authorization: t}}`, "write one of them"},
		{"too often", `{otlp: "https://otel.example.com", interval: 1ms}`, "telemetry.interval"},
		{"for nobody", `{token: t}`, "is for otlp"},
		{"another signal", `{otlp: "https://otel.example.com", signals: [logs]}`, "signals"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Parse("doorward.yaml", []byte("version: 1\nupstreams: {}\nsecrets: {t: {from: \"env:T\"}}\ntelemetry: "+tc.written+"\n"))
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	for raw, want := range map[string]string{"http://127.0.0.1:4317": "grpc", "http://127.0.0.1:4318": "http", "https://otel.example.com": "http"} {
		c, err := config.Parse("doorward.yaml", []byte("version: 1\nupstreams: {}\ntelemetry: {otlp: \""+raw+"\"}\n"))
		if err != nil || c.Telemetry.Protocol != want || c.Telemetry.Sample != 1 || c.Telemetry.Propagate != "trace" || !c.Telemetry.Sends("metrics") {
			t.Errorf("%s: %v, %+v", raw, err, c)
		}
	}
}
