//go:build !race

package lexical_test

import (
	"strings"
	"testing"

	"doorward/internal/docs"
)

// Memory is used again: what is allocated is the answer. The race detector throws out of
// pools what others would find there.
func TestAllocations(t *testing.T) {
	e, text := made(t, 384), docs.Texts{All: []string{strings.Repeat("Doorward keeps documents as passages: naïve ones. ", 100)}}
	vectors(t, e, text.All...)
	got := testing.AllocsPerRun(20, func() {
		if _, err := e.Embed(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	})
	if got > 4 {
		t.Errorf("%v allocations for one text", got)
	}
}
