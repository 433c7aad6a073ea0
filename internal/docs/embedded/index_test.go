package embedded_test

import (
	"path/filepath"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/docstest"
	"doorward/internal/docs/embedded"
)

func TestB1_Conformance(t *testing.T) {
	t.Parallel()
	docstest.Index(t, func(t *testing.T, _ int) docstest.Store {
		path := filepath.Join(t.TempDir(), "made", "docs.db")
		return docstest.Store{Words: true, Open: func(*testing.T) docs.Writable { return embedded.New(path) }}
	})
}
