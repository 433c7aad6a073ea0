package container_test

import (
	"os"
	"path/filepath"
	"testing"
)

// The test's own program is the stand-in for docker and podman, too, and what runs in
// containers: there it is the image's /probe.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "-stand-in":
		os.Exit(client(os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == "-in-container", filepath.Base(os.Args[0]) == "probe":
		os.Exit(probe())
	}
	os.Exit(m.Run())
}
