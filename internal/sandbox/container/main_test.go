package container_test

import (
	"os"
	"path/filepath"
	"testing"
)

// The test's own program is the stand-in for docker and podman, and what runs in its
// containers, by the name that it is started under.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "docker", "podman":
		os.Exit(client(os.Args))
	case "probe":
		os.Exit(probe(os.Args[1:]))
	}
	os.Exit(m.Run())
}
