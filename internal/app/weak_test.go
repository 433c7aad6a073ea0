package app

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/config"
	"doorward/internal/secret"
	"doorward/internal/secret/vault"
	"doorward/internal/store"
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
	dir := t.TempDir()
	open, old := filepath.Join(dir, "open"), filepath.Join(dir, "old")
	for path, mode := range map[string]os.FileMode{open: 0o644, old: 0o600} {
		if err := errors.Join(os.WriteFile(path, []byte("CANARY-"+path), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	ago := time.Now().Add(-40 * 24 * time.Hour)
	if err := os.Chtimes(old, ago, ago); err != nil {
		t.Fatal(err)
	}
	month := config.Duration(30 * 24 * time.Hour)
	cfg := &config.Config{DataDir: dir, Secrets: map[string]config.Secret{
		"fine": {From: "env:FINE", Required: true, MaxAge: month}, "gone": {From: "env:GONE", Required: true}, "later": {From: "env:GONE"}, "no-url": {From: "env:EXAMPLE", Type: "url"},
		"example": {From: "env:EXAMPLE"}, "weak": {From: "env:WEAK"}, "kept": {From: fromStore, Required: true}, "unit": {From: "systemd:unit", Required: true}, "far": {From: "vault:kv/app#x"},
		"twin": {From: "env:FINE"}, "open": {From: "file:" + open}, "old": {From: "file:" + old, MaxAge: month},
	}}
	cfg.Identity.Issuers = []config.Issuer{{Introspection: &config.Introspection{ClientSecret: "weak"}}}
	checked, err := CheckSecrets(SecretCheck{
		Config: cfg, Environment: []string{"FINE=Zm9vYmFyYmF6cXV4MTIz", "EXAMPLE=<CANARY>", "WEAK=CANARY"}, Ages: true,
		Skip: func(s config.Secret) string {
			return map[bool]string{true: "it is far"}[strings.HasPrefix(s.From, "vault:")]
		},
	})
	if err != nil || len(checked) != len(cfg.Secrets) {
		t.Fatalf("%d of %d secrets: %v", len(checked), len(cfg.Secrets), err)
	}
	faults := map[string]string{
		"gone": "GONE is not set", "no-url": "no absolute URL", "example": "not filled in", "weak": "fewer than 16 bytes", "kept": "doorward secret set kept", "unit": "LoadCredential=unit",
		"twin": "has the value of secrets.fine", "open": "can be read by others (mode 0644)",
	}
	for _, one := range checked {
		want := faults[one.Name]
		if (want == "") != (one.Fault == "") || !strings.Contains(one.Fault, want) || strings.Contains(one.Fault, "CANARY") {
			t.Errorf("%s: fault %q, want %q", one.Name, one.Fault, want)
		}
		if one.Absent != (one.Name == "later") || one.Overdue != (one.Name == "old") || (one.Unasked == "it is far") != (one.Name == "far") {
			t.Errorf("%+v", one)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "state.key")); err == nil {
		t.Error("a check made a key in the data directory")
	}
}

// A variable says not since when it has its value; what a gateway noted does. A check notes nothing.
func TestACheckKnowsTheAgesThatAGatewayNoted(t *testing.T) {
	dir := t.TempDir()
	key, err := keyFor(dir, forAges)
	if err != nil {
		t.Fatal(err)
	}
	ages, err := store.OpenAges(dir, key[:], true)
	if err != nil {
		t.Fatal(err)
	}
	const value = "Zm9vYmFyYmF6cXV4MTIz"
	ago := time.Now().Add(-40 * 24 * time.Hour)
	if _, err := ages.Since(ageOfSecret+"token", value, ago, time.Now()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "ages.json"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{DataDir: dir, Secrets: map[string]config.Secret{"token": {From: "env:TOKEN", MaxAge: config.Duration(30 * 24 * time.Hour)}}}
	for text, overdue := range map[string]bool{value: true, value + "-new": false} {
		checked, err := CheckSecrets(SecretCheck{Config: cfg, Environment: []string{"TOKEN=" + text}, Ages: true, Skip: func(config.Secret) string { return "" }})
		if err != nil || len(checked) != 1 || checked[0].Overdue != overdue || checked[0].Fault != "" {
			t.Errorf("overdue %v wanted: %+v, %v", overdue, checked, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, "ages.json")); err != nil || !bytes.Equal(after, before) {
		t.Errorf("a check noted something (%v)", err)
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
