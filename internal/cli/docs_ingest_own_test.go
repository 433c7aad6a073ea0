package cli

import (
	"strings"
	"testing"

	"doorward/internal/config"
	"doorward/internal/docs"
	"doorward/internal/docs/gather"
)

// TestSharedIndexesNameNoFiles has indexes that others may write to, with sources that they
// may have put there.
func TestSharedIndexesNameNoFiles(t *testing.T) {
	for _, tc := range []struct {
		index, kind string
		ok          bool
	}{
		{config.IndexEmbedded, gather.KindTree, true},
		{config.IndexPostgres, gather.KindSitemap, true},
		{config.IndexPostgres, gather.KindTree, false},
		{config.IndexPostgres, gather.KindURLs, false},
		{config.IndexPostgres, "another", false},
		{config.IndexQdrant, gather.KindTree, false},
		{"", gather.KindTree, false},
	} {
		err := own(tc.index, []docs.Source{{Name: "web", Kind: gather.KindSitemap}, {Name: "etc", Kind: tc.kind, Origin: "/etc"}})
		if (err == nil) != tc.ok || err != nil && !strings.Contains(err.Error(), "etc (/etc)") && tc.kind != gather.KindSitemap {
			t.Errorf("%s of an index in %q: %v", tc.kind, tc.index, err)
		}
	}
}
