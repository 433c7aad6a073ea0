package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/monitor/delivery"
	"doorward/internal/secret"
	"doorward/internal/webhook"
)

// Bounds of a secret that others could guess: 16 bytes are what an authorization
// server must at least give out (RFC 6749, 10.10, asks for 128 bits), and random
// ones have more than eight different characters among them.
const (
	leastSecret   = 16
	leastDistinct = 8
)

// known are secrets that stand in documentation and source (CVE-2026-53709,
// GHSA-953h-535j-jg2v), and what this project's own examples have, in lower case.
const known = "changeme change-me changeit secret password passw0rd default my-test-key test-secret client-secret " +
	"default-insecure-seed my-secret-key supersecret insecure introspection-secret secret-api-key your-client-secret"

// guessable says why a secret that proves who Doorward is could be guessed; empty
// when nothing shows that it could.
func guessable(text string) string {
	plain := strings.ToLower(strings.TrimSpace(text))
	switch {
	case slices.Contains(strings.Fields(known), plain):
		return "is one that everybody knows"
	case len(text) < leastSecret:
		return fmt.Sprintf("has fewer than %d bytes (and %d different characters are the least)", leastSecret, leastDistinct)
	case distinct(text) < leastDistinct:
		return fmt.Sprintf("has fewer than %d different characters", leastDistinct)
	case strings.Contains((text + text)[1:2*len(text)-1], text):
		return "is one text again and again"
	}
	for word := range strings.FieldsSeq(known) {
		if rest := strings.ReplaceAll(plain, word, ""); rest != plain && len(rest) < leastSecret {
			return "is one that everybody knows, and a little more"
		}
	}
	return ""
}

func distinct(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}

// example says why a secret of any kind is none: it stands in everybody's documentation,
// or stands there for one; empty when nothing shows that.
func example(text string) string {
	plain := strings.ToLower(strings.TrimSpace(text))
	for _, around := range [...][2]string{{"<", ">"}, {"${", "}"}, {"{{", "}}"}, {"%", "%"}} {
		if inner, ok := strings.CutPrefix(plain, around[0]); ok && len(inner) > len(around[1]) && strings.HasSuffix(inner, around[1]) {
			return "is a place that was not filled in"
		}
	}
	switch {
	case slices.Contains(strings.Fields(known), plain):
		return "is one that everybody knows"
	case len(plain) > 1 && distinct(plain) == 1:
		return "is one character again and again"
	case strings.Contains(plain, "changeme"), strings.Contains(plain, "change-me"), strings.HasPrefix(plain, "your-"), strings.HasPrefix(plain, "your_"),
		strings.HasPrefix(plain, "replace-"), strings.HasPrefix(plain, "replace_"):
		return "is an example"
	}
	return ""
}

// proof is a use of a secret by which Doorward signs, or shows who it is: whoever can
// guess it is Doorward.
type proof struct {
	field, secret string
	remedy        string
	signs         bool // by webhook
}

// proofs are those of a configuration. What an upstream, a database or a mail server
// gave out is theirs: they chose its length.
func proofs(cfg *config.Config) []proof {
	const (
		issued = "have the issuer make another"
		agreed = "make one of random bytes, for both sides"
	)
	var out []proof
	for i := range cfg.Identity.Issuers {
		if n := cfg.Identity.Issuers[i].Introspection; n != nil {
			out = append(out, proof{field: fmt.Sprintf("identity.issuers[%d].introspection.client_secret", i), secret: n.ClientSecret, remedy: issued})
		}
	}
	for _, name := range names(cfg.Upstreams) {
		if c := cfg.Upstreams[name].Credential; c != nil && c.OAuth != nil {
			out = append(out, proof{field: "upstreams." + name + ".credential.oauth.client_secret", secret: c.OAuth.ClientSecret, remedy: issued})
		}
	}
	if h := cfg.Approvals.Webhook; h != nil {
		out = append(out, proof{"approvals.webhook.secret", h.Secret, agreed, true})
	}
	for i := range cfg.Monitor.Alerts {
		if r := &cfg.Monitor.Alerts[i]; r.Kind == delivery.KindWebhook {
			out = append(out, proof{fmt.Sprintf("monitor.alerts[%d].secret", i), r.Secret, agreed, true})
		}
	}
	for i := range cfg.Audit.Sinks {
		s := &cfg.Audit.Sinks[i]
		out = append(out, proof{fmt.Sprintf("audit.sinks[%d].secret", i), s.Secret, agreed, true},
			proof{field: fmt.Sprintf("audit.sinks[%d].token", i), secret: s.Token, remedy: "have the receiver make another"})
	}
	out = append(out, proof{field: "telemetry.token", secret: cfg.Telemetry.Token, remedy: "have the collector's keeper make another"})
	for i := range cfg.Audit.Checkpoint.Anchors {
		out = append(out, proof{fmt.Sprintf("audit.checkpoint.anchors[%d].secret", i), cfg.Audit.Checkpoint.Anchors[i].Secret, agreed, true})
	}
	if j := cfg.Trust.Judge; j != nil {
		out = append(out, proof{field: "trust.judge.secret", secret: j.Secret, remedy: "have the judge's keeper make another"})
	}
	return slices.DeleteFunc(out, func(p proof) bool { return p.secret == "" })
}

// weak says why a value does not do for this use; empty when it does.
func (p *proof) weak(v secret.Value) string {
	text := v.Reveal()
	if p.signs {
		if err := webhook.CheckSecret(v); err != nil {
			return strings.TrimPrefix(err.Error(), "the secret ")
		}
		text = strings.TrimPrefix(text, "whsec_")
	}
	return guessable(text)
}

// proves refuses to serve with secrets that are unfit. The error names the fields and never
// the values. A secret that cannot be had is told elsewhere.
func proves(cfg *config.Config, secrets *secret.Store) error {
	var faults []error
	for _, u := range unfits(cfg, secrets.Get) {
		faults = append(faults, u.fault)
	}
	return errors.Join(faults...)
}

// unfit is what is wrong with the value of a secret, which the fault does not hold.
type unfit struct {
	name  string // of the secret
	fault error  // with the field that it is about, and what to do
}

// unfits are the secrets that could be guessed, that are examples, or that are one value
// under two names, so that who has the one has the other (security case AUT-47). What
// value has an error for is left out. The start and CheckSecrets call it.
func unfits(cfg *config.Config, value func(name string) (secret.Value, error)) (all []unfit) {
	twins := map[string]string{}
	for _, name := range names(cfg.Secrets) {
		held, err := value(name)
		if err != nil {
			continue
		}
		if why := example(held.Reveal()); why != "" {
			all = append(all, unfit{name, fmt.Errorf("secrets.%s %s: have a real one made", name, why)})
		}
		if first, ok := twins[held.Reveal()]; ok {
			all = append(all, unfit{name, fmt.Errorf("secrets.%s has the value of secrets.%s: have another made, or use one entry for both", name, first)})
		}
		twins[held.Reveal()] = name
	}
	for _, p := range proofs(cfg) {
		held, err := value(p.secret)
		if err != nil {
			continue // an optional secret that is not there; what needs it refuses
		}
		if why := p.weak(held); why != "" {
			all = append(all, unfit{p.secret, fmt.Errorf("%s %s: %s", p.field, why, p.remedy)})
		}
	}
	return append(all, databases(cfg, value)...)
}

// suits refuses a value that the gateway would not start with.
func suits(cfg *config.Config, secrets *secret.Store, name, text string) error {
	if why := example(text); why != "" {
		return fmt.Errorf("the value %s", why)
	}
	if s, ok := cfg.Secrets[name]; ok {
		if err := secret.CheckType(text, s.Type); err != nil {
			return fmt.Errorf("the value %w", err)
		}
	}
	for _, u := range databases(cfg, func(n string) (secret.Value, error) {
		if n != name {
			return secret.Value{}, secret.ErrAbsent
		}
		return gate.NewSecret(text), nil
	}) {
		return u.fault
	}
	for _, p := range proofs(cfg) {
		if p.secret != name {
			continue
		}
		if why := p.weak(gate.NewSecret(text)); why != "" {
			return fmt.Errorf("the value %s, and %s needs it: %s", why, p.field, p.remedy)
		}
	}
	return twin(cfg, secrets, name, text)
}

// twin refuses a value for the store that another entry has. Vault is not asked: what it
// makes it makes for whoever uses it.
func twin(cfg *config.Config, secrets *secret.Store, name, text string) error {
	if cfg.Secrets[name].From != fromStore {
		return nil // no entry has it
	}
	for _, other := range names(cfg.Secrets) {
		if other == name || strings.HasPrefix(cfg.Secrets[other].From, "vault:") {
			continue
		}
		if held, err := secrets.Get(other); err == nil && held.Reveal() == text {
			return fmt.Errorf("the value is that of secrets.%s: have another made, or use one entry for both", other)
		}
	}
	return nil
}
