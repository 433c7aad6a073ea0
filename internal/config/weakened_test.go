package config_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/config"
)

// weak is a file with each setting that Weakened tells of.
const weak = `version: 1
listen: {address: 127.0.0.1:8080, tls: {cert: a.pem, key: a.key, client_ca: ca.pem, client_certificate: optional}}
identity:
  mtls: {subject: san_dns}
  anonymous: {subject: me, roles: [anyone]}
  issuers: [{issuer: "https://id.example", other_audiences: true, algorithms: [RS256], audience: x}]
roles:
  anyone: {groups: [all], allow: [{tools: ["*/**"]}, {tools: [a/b]}], deny: [{tools: [a/c], mode: observe}]}
upstreams:
  bare: {command: [/bin/true], sandbox: {kind: none}}
  pages: {builtin: docs, findings: keep}
  thin: {command: [/bin/true], sandbox: {allow_weaker: [landlock, seccomp], lifetime: shared}, allow_launch: [writable]}
trust:
  first_use: approve
  findings: {high: hold, medium: warn, low: warn}
  results: {injection: warn, secrets: allow, personal_data: warn}
  arguments: {secrets: warn, personal_data: allow, except: {"a/b": [secrets]}}
  judge: {url: "https://judge.example", on_failure: ignore}
  flows: []
secrets:
  spare: {from: env:SPARE, required: false}
  token: {from: env:TOKEN}
limits: {per_address: off, per_principal: off}
audit: {arguments: none, fields: {thin/say: {text: plain, name: sealed}}, identity: plain}
monitor: {rules: {failed_sign_ins: off, canary: false, security_events: false, unusual_tools: false, unusual_volume: false, disk_space: false, clock_step: false, audit_silence: 0s}}
`

// Every setting that asks for less than its default is told with where it is written, and none of those that are as
// they would be, or stronger.
func TestWeakened(t *testing.T) {
	want := []string{
		"listen.tls.client_certificate", "identity.anonymous", "identity.issuers[0].other_audiences", "roles.anyone.allow[0].tools[0]", "roles.anyone.deny[0].mode",
		"upstreams.bare.sandbox.kind", "upstreams.pages.findings", "upstreams.thin.allow_launch[0]", "upstreams.thin.sandbox.allow_weaker[0]", "upstreams.thin.sandbox.allow_weaker[1]", "upstreams.thin.sandbox.lifetime",
		"trust.first_use", "trust.findings.high", "trust.findings.medium", "trust.results.injection", "trust.results.secrets", "trust.results.personal_data",
		"trust.arguments.secrets", "trust.arguments.personal_data", "trust.arguments.except.a/b", "trust.judge.on_failure", "trust.flows", "secrets.spare.required",
		"limits.per_address", "limits.per_principal", "audit.arguments", "audit.fields.thin/say.text", "audit.identity",
		"monitor.rules.failed_sign_ins", "monitor.rules.canary", "monitor.rules.security_events", "monitor.rules.unusual_tools", "monitor.rules.unusual_volume",
		"monitor.rules.disk_space", "monitor.rules.clock_step", "monitor.rules.audit_silence",
	}
	cfg, err := config.Parse("/etc/doorward/doorward.yaml", []byte(weak))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(weak, "\n")
	var got []string
	for _, f := range config.Locate([]byte(weak), cfg.Weakened()) {
		got = append(got, f.Path)
		last := f.Path[strings.LastIndex(f.Path, ".")+1:]
		if name, _, _ := strings.Cut(last, "["); f.Line == 0 || !strings.Contains(lines[f.Line-1], name) || f.Column == 0 || f.Text == "" {
			t.Errorf("%s is told as %s", f.Path, f)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for name, text := range map[string]string{
		"nothing written": "version: 1\n",
		"the defaults, and more": `version: 1
roles: {reader: {groups: [all], allow: [{tools: [a/*]}], deny: [{tools: ["*/**"]}]}}
upstreams: {a: {command: [/bin/true]}}
trust: {findings: {medium: block}, results: {injection: block}, arguments: {personal_data: block}, judge: {url: "https://judge.example"}}
limits: {per_address: 10/1m}
`,
	} {
		cfg, err := config.Parse("/etc/doorward/doorward.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if found := cfg.Weakened(); len(found) != 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// Without a word about who the proxy is, every client has its address.
func TestWarningOfAnUnnamedProxy(t *testing.T) {
	for text, want := range map[string]bool{
		"listen: {tls: {terminated_by: proxy}}":                                  true,
		"listen: {tls: {terminated_by: proxy}, address: 0.0.0.0:8080}":           true,
		"listen: {tls: {terminated_by: proxy}, trusted_proxies: [127.0.0.1/32]}": false,
		"listen: {address: 127.0.0.1:8080}":                                      false,
	} {
		cfg, err := config.Parse("/etc/doorward/doorward.yaml", []byte("version: 1\n"+text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		all := cfg.Warnings()
		if got := len(all) == 1 && strings.Contains(all[0], "listen.trusted_proxies"); got != want || len(all) > 1 {
			t.Errorf("%s: %q", text, all)
		}
	}
}
