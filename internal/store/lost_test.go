package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/store"
)

// A list that is lost is begun anew, empty, once; one that is there, readable or not, is
// never replaced. What has begun anew is read by those that are open, too.
func TestAListBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, kept := range []store.Kept{store.KeptIncidents, store.KeptRevocations} {
		t.Run(string(kept), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if there, err := kept.There(dir); there || err != nil {
				t.Errorf("before: %t, %v", there, err)
			}
			if err := kept.Begin(dir); err != nil {
				t.Fatal(err)
			}
			if there, err := kept.There(dir); !there || err != nil {
				t.Errorf("after: %t, %v", there, err)
			}
			if kept.Begin(dir) == nil {
				t.Error("it is begun anew where it is")
			}
			openIncidents(t, dir)
			revoked, err := store.OpenFileRevocations(dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			closing(t, revoked)
			path := filepath.Join(dir, string(kept))
			if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
			if kept.Begin(dir) == nil {
				t.Error("one that is damaged is replaced")
			}
		})
	}
}
