package gatetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Replica starts another gateway that knows the keys which a gateway has now, and has
// its state key, as an operator copies them: the rest they share by their configuration alone.
func Replica(t testing.TB, of *GW, yaml string, ups map[string]*UP) *GW {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"keys.json", "keys.pepper", "state.key"} {
		content, err := os.ReadFile(filepath.Join(of.Dir, "data", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(data, name), content, 0o600)
		}
		if err != nil {
			t.Fatalf("copying the keys: %v", err)
		}
	}
	return gateway(t, dir, yaml, ups, nil)
}

// Again stops a gateway and starts another on its directory, as a restart does.
func Again(t testing.TB, of *GW, yaml string, ups map[string]*UP) *GW {
	t.Helper()
	of.Stop()
	return gateway(t, of.Dir, yaml, ups, nil)
}
