package pgvector_test

import (
	"strings"
	"testing"

	"doorward/internal/dsn/dsntest"
)

// What a server announces is refused by its header, before there is room made for it.
func TestB1_ServerThatAnnouncesTooMuch(t *testing.T) {
	t.Parallel()
	x := open(t, "postgres://u@"+dsntest.Answering(t, dsntest.LongMessage)+"/docs?sslmode=disable", "docs")
	defer func() { _ = x.Close() }()
	if _, err := x.State(t.Context()); err == nil || !strings.Contains(err.Error(), "announced a longer message") {
		t.Errorf("128 MiB: %v", err)
	}
}
