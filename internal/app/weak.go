package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/config"
	"doorward/internal/secret"
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
		return fmt.Sprintf("has fewer than %d bytes", leastSecret)
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

// proves refuses to serve with secrets that could be guessed (security case
// AUT-47). The error names the fields and never the values.
func proves(cfg *config.Config, secrets *secret.Store) error {
	var faults []error
	for i := range cfg.Identity.Issuers {
		n := cfg.Identity.Issuers[i].Introspection
		if n == nil || n.ClientSecret == "" {
			continue
		}
		held, err := secrets.Get(n.ClientSecret)
		if err != nil {
			continue // an optional secret that is not there; what needs it refuses
		}
		if why := guessable(held.Reveal()); why != "" {
			faults = append(faults, fmt.Errorf("identity.issuers[%d].introspection.client_secret %s: have the issuer make another", i, why))
		}
	}
	return errors.Join(faults...)
}
