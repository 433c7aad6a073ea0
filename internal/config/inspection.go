package config

import (
	"fmt"
	"maps"
	"slices"

	"doorward/internal/policy"
)

// Results is what happens to what is found in what upstreams send back.
type Results struct {
	// Injection is text that speaks to the model instead of being data, and text that people do not see. wrap marks it as data from an untrusted source, between two lines that its writer cannot forge.
	Injection string `yaml:"injection" enum:"allow warn wrap block"`
	// Secrets are credentials: tokens, keys, passwords. A secret of this configuration that an upstream was handed and returns is always masked, and with block refused; one that it was never handed is not looked for.
	Secrets string `yaml:"secrets" enum:"allow warn mask block"`
	// PersonalData are numbers that name a person: cards, bank accounts, national ids. Addresses, e-mail and telephone numbers are left alone.
	PersonalData string `yaml:"personal_data" enum:"allow warn mask block"`
}

// Arguments is what happens to what is found in what clients send to upstreams. A canary (doorward trust canary) is always refused.
type Arguments struct {
	// Secrets are credentials: tokens, keys, passwords, plain, encoded, or in pieces over several arguments or calls.
	Secrets string `yaml:"secrets" enum:"allow warn block"`
	// PersonalData are numbers that name a person: cards, bank accounts, national ids.
	PersonalData string `yaml:"personal_data" enum:"allow warn block"`
	// Except names tools that may be given them all the same, each with what: secrets, personal_data.
	Except map[string][]string `yaml:"except" key:"upstream/tool, * as in rules"`
}

func (v *checker) inspection() {
	for _, pattern := range slices.Sorted(maps.Keys(v.c.Trust.Arguments.Except)) {
		path := fmt.Sprintf("trust.arguments.except.%s", pattern)
		if _, err := policy.Select([]string{pattern}); err != nil {
			v.fault(path, "%s", err)
		}
		for _, what := range v.c.Trust.Arguments.Except[pattern] {
			if what != "secrets" && what != "personal_data" {
				v.fault(path, "must be secrets or personal_data, not %q", what)
			}
		}
	}
}
