package config_test

import (
	"reflect"
	"strings"
	"testing"

	"doorward/internal/config"
)

// unweakened are the keys, TYPE.KEY, that Weakened is silent of, by why.
func unweakened() map[string]string {
	return map[string]string{
		"its default is the weakest": "Findings.low TLS.min_version Trust.on_change Paces.on_failure Upstream.unknown_arguments Issuer.token_type " +
			"MonitorRules.unusual_hours MonitorRules.new_networks MonitorRules.scope_growth Sink.required Audit.durability Telemetry.propagate",
		"it has no default, or none that is stronger": "TLS.terminated_by Issuer.algorithms Introspection.method OAuthCredential.method MTLS.subject Approvers.self " +
			"Upstream.builtin Upstream.transport Upstream.labels Declares.ai_act Secret.type Secret.lease Profile.names State.kind Anchor.kind Receiver.kind Flow.from Flow.to Flow.then Identity.api_keys",
		"it narrows what a rule opens":                        "WherePath.resolve WhereURL.private WhereHost.private WhereCommand.options WhereEmail.lists WhereValue.required Upstream.arguments Parameter.type",
		"it says what a server does, which rules open":        "Upstream.write NamedCommand.read_only DocumentIndex.kind DocumentEmbedder.kind DocumentEmbedder.send_dimensions",
		"it says how clients connect, who are asked the same": "Listen.proxy_protocol Listen.legacy_sse Listen.websocket Listen.health",
		"it is about copies, traces and words, and lets no call through": "Audit.index Sink.kind Sink.transport Sink.format Sink.protocol Monitor.count_by Telemetry.protocol Telemetry.signals Telemetry.trust_parent " +
			"Log.format Log.level Disclosure.content Disclosure.server",
	}
}

// told are the keys that Weakened tells of, with where weak has them.
func told() map[string]string {
	return map[string]string{
		"TLS.client_certificate": "listen.tls.client_certificate", "Issuer.other_audiences": "identity.issuers[0].other_audiences", "Rule.mode": "roles.anyone.deny[0].mode",
		"Upstream.findings": "upstreams.pages.findings", "Upstream.allow_launch": "upstreams.thin.allow_launch[0]",
		"Sandbox.kind": "upstreams.bare.sandbox.kind", "Sandbox.allow_weaker": "upstreams.thin.sandbox.allow_weaker[0]", "Sandbox.lifetime": "upstreams.thin.sandbox.lifetime",
		"Trust.first_use": "trust.first_use", "Findings.high": "trust.findings.high", "Findings.medium": "trust.findings.medium",
		"Results.injection": "trust.results.injection", "Results.secrets": "trust.results.secrets", "Results.personal_data": "trust.results.personal_data",
		"Arguments.secrets": "trust.arguments.secrets", "Arguments.personal_data": "trust.arguments.personal_data", "Judge.on_failure": "trust.judge.on_failure",
		"Secret.required": "secrets.spare.required", "Audit.arguments": "audit.arguments", "Audit.fields": "audit.fields.thin/say.text", "Audit.identity": "audit.identity",
		"MonitorRules.canary": "monitor.rules.canary", "MonitorRules.security_events": "monitor.rules.security_events", "MonitorRules.unusual_tools": "monitor.rules.unusual_tools",
		"MonitorRules.unusual_volume": "monitor.rules.unusual_volume", "MonitorRules.disk_space": "monitor.rules.disk_space", "MonitorRules.clock_step": "monitor.rules.clock_step",
	}
}

// Every key that is chosen from words, or is on or off, is told where it is weaker than its
// default, or is listed here with why not.
func TestWeakenedKnowsEveryKey(t *testing.T) {
	cfg, err := config.Parse("/etc/doorward/doorward.yaml", []byte(weak))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range cfg.Weakened() {
		found[f.Path] = true
	}
	known := map[string]bool{}
	for key, path := range told() {
		known[key] = true
		if !found[path] {
			t.Errorf("%s is not told: %s", key, path)
		}
	}
	for _, keys := range unweakened() {
		for key := range strings.FieldsSeq(keys) {
			if known[key] {
				t.Errorf("%s is listed twice", key)
			}
			known[key] = true
		}
	}
	there := map[string]bool{}
	chosen(reflect.TypeFor[config.Config](), map[reflect.Type]bool{}, there)
	for key := range there {
		if !known[key] {
			t.Errorf("%s is neither told nor listed", key)
		}
	}
	for key := range known {
		if !there[key] {
			t.Errorf("there is no key %s", key)
		}
	}
}

// chosen are the keys of a type, and of those in it, that are chosen from words, or are on or off.
func chosen(in reflect.Type, seen map[reflect.Type]bool, there map[string]bool) {
	switch in.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		chosen(in.Elem(), seen, there)
		return
	case reflect.Struct:
	default:
		return
	}
	if seen[in] {
		return
	}
	seen[in] = true
	for f := range in.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "-" || key == "" && !f.Anonymous {
			continue
		}
		if f.Tag.Get("enum") != "" || f.Type.Kind() == reflect.Bool {
			there[in.Name()+"."+key] = true
		}
		chosen(f.Type, seen, there)
	}
}
