package app

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"doorward/internal/config"
	"doorward/internal/secret"
	"doorward/internal/secret/vault"
)

func TestAUT47_SecretsThatCouldBeGuessed(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "secret": true, "changeme": true, "my-test-key": true, "default-insecure-seed": true,
		"introspection-secret": true, "short-but-mixed": true, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": true,
		"0101010101010101010101010101010101": true, "secretsecretsecretsecret": true, " ChangeMe ": true, "changeme12345678": true, "12345678123456781234567812345678": true,
		"password1password1": true, "password1234567890": true, "secret-9f3a7c1de2b84f60a5d7": false, "Zm9vYmFyYmF6cXV4MTIz": false, "3f9d0c1be27a4c58a6d1f0e9b8c7a6d5": false,
	} {
		if got := guessable(text) != ""; got != want {
			t.Errorf("%q: guessable %v (%s), want %v", text, got, guessable(text), want)
		}
	}
}

// A gateway whose root key is Vault's does not start while Vault does not answer.
func TestAVaultThatIsAwaySealsNothing(t *testing.T) {
	token := func() (string, error) { return "CANARY-token", nil }
	client, err := vault.New(vault.Config{Address: "http://127.0.0.1:1", Token: token, Lease: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a := &App{vault: client}
	if a.transit, err = client.Transit("transit/doorward"); err != nil {
		t.Fatal(err)
	}
	if err := a.begin(t.Context(), false); err == nil || !strings.HasPrefix(err.Error(), "secret_store.root: ") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("it began: %v", err)
	}
}

// All faults of all secrets are told together, by name and never with a value.
func TestEverySecretIsLookedAt(t *testing.T) {
	cfg := &config.Config{DataDir: t.TempDir(), Secrets: map[string]config.Secret{
		"fine": {From: "env:FINE", Required: true}, "gone": {From: "env:GONE", Required: true}, "later": {From: "env:GONE"}, "no-url": {From: "env:FINE", Type: "url"},
		"example": {From: "env:EXAMPLE"}, "weak": {From: "env:WEAK"}, "kept": {From: fromStore, Required: true}, "unit": {From: "systemd:unit", Required: true}, "far": {From: "vault:kv/app#x"},
	}}
	cfg.Identity.Issuers = []config.Issuer{{Introspection: &config.Introspection{ClientSecret: "weak"}}}
	faults, err := CheckSecrets(cfg, []string{"FINE=Zm9vYmFyYmF6cXV4MTIz", "EXAMPLE=<CANARY>", "WEAK=CANARY"}, func(s config.Secret) bool { return strings.HasPrefix(s.From, "vault:") })
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"gone": "GONE is not set", "no-url": "no absolute URL", "example": "not filled in", "weak": "fewer than 16 bytes", "kept": "doorward secret set kept", "unit": "LoadCredential=unit",
	} {
		if fault := faults[name]; fault == nil || !strings.Contains(fault.Error(), want) || strings.Contains(fault.Error(), "CANARY") {
			t.Errorf("%s: %v, want %q", name, fault, want)
		}
		delete(faults, name)
	}
	if len(faults) != 0 {
		t.Errorf("more faults: %v", faults)
	}
}

// A value that stands under two names keeps the gateway from starting, so that nobody can
// set one, unless no entry is from the store.
func TestTheValueOfAnotherSecretIsNotSet(t *testing.T) {
	const used = "Zm9vYmFyYmF6cXV4MTIz"
	held, err := secret.Open([]secret.Source{{Name: "one", From: "env:ONE"}}, func(string) (string, bool) { return used, true })
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Secrets: map[string]config.Secret{"one": {From: "env:ONE"}, "two": {From: fromStore}, "three": {From: fromStore}}}
	for _, tc := range []struct{ name, text, want string }{
		{"two", used, "secrets.one"},
		{"two", used + "x", ""},
		{"unused", used, ""},
	} {
		err := suits(cfg, held, tc.name, tc.text)
		if (err != nil) != (tc.want != "") || err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), tc.text)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
