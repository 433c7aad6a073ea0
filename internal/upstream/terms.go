package upstream

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"doorward/internal/sandbox"
)

// terms are what the lock pins of how a command is confined: where anything of them is another,
// the command can do other things than the one that was approved. What is as strict as it is
// where nothing is written is absent, so whoever loosens it adds a member. Limits of memory,
// processors and their like are not among them: they bound what a command takes, not what it
// reaches.
type terms struct {
	Kind     string   `json:"kind,omitempty"` // none, runsc, docker or podman
	Read     []string `json:"read,omitempty"`
	Write    []string `json:"write,omitempty"`
	Network  []string `json:"network,omitempty"`
	Weaker   []string `json:"allow_weaker,omitempty"`
	Lifetime string   `json:"lifetime,omitempty"` // who shares a process: shared or call
}

// termsOf are those of a command; nil where none is looser than the strictest, or other.
func termsOf(set *Settings) *terms {
	t := terms{}
	switch {
	case set.Shared:
		t.Lifetime = "shared"
	case set.PerCall:
		t.Lifetime = "call"
	}
	if c := set.Sandbox; c == nil {
		t.Kind = "none"
	} else {
		t.Kind = c.Kind
		if c.Runsc {
			t.Kind = sandbox.Runsc
		}
		t.Read, t.Write = cleaned(c.Read), cleaned(c.Write)
		t.Network, t.Weaker = sorted(c.Allow), sorted(c.Weaker)
	}
	if t.nothing() {
		return nil
	}
	return &t
}

func (t *terms) nothing() bool {
	return cmp.Or(t.Kind, t.Lifetime) == "" && len(t.Read)+len(t.Write)+len(t.Network)+len(t.Weaker) == 0
}

// cleaned are paths in their shortest form, as a sandbox has them.
func cleaned(paths []string) []string {
	out := make([]string, 0, len(paths))
	for _, p := range paths {
		out = append(out, filepath.Clean(p))
	}
	return sorted(out)
}

// sorted is a set of texts: their order, and one that comes twice, is no change.
func sorted(texts []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(texts)))
}

// secretsOf are the variables of a command that have a value of Doorward's, each with the name of
// the secret, or of the client's header, that it is. The values are not pinned, nor where they
// are kept: a secret is rotated without a decision.
func secretsOf(env map[string]string) map[string]string {
	out := make(map[string]string, len(env))
	for variable, name := range env {
		if called := leaseCalled(name); called != "" {
			name = called
		}
		out[variable] = name
	}
	return out
}

// errText is a text that the lock cannot have as it is: two of them would look the same.
var errText = errors.New("what the command is given is not all UTF-8")

// legible refuses texts that are not UTF-8.
func legible(lists ...[]string) error {
	for _, list := range lists {
		if slices.ContainsFunc(list, func(s string) bool { return !utf8.ValidString(s) }) {
			return errText
		}
	}
	return nil
}
