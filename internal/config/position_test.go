package config_test

import (
	"testing"

	"doorward/internal/config"
)

func TestLines(t *testing.T) {
	line := config.Lines([]byte("version: 1\nroles:\n  reader:\n    allow:\n      - tools: [a/b]\n        when: \"true\"\n      - tools:\n          - a/c\n          - a/d\n"))
	for path, want := range map[string]int{
		"roles.reader":                     3,
		"roles.reader.allow[0].when":       6,
		"roles.reader.allow[0].where.path": 5,
		"roles.reader.allow[1].tools[1]":   9,
		"upstreams.files.arguments":        0,
	} {
		if got := line(path); got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
	for _, text := range []string{"", "a: [", "a: 1\n---\nb: 2\n", "\x00"} {
		if got := config.Lines([]byte(text))("roles"); got != 0 {
			t.Errorf("%q: line %d", text, got)
		}
	}
}
