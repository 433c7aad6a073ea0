package statement_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"doorward/internal/policy/statement"
)

// trapped is the argument that makes this binary drive the parser too deep.
const trapped = "drive-the-parser-too-deep"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == trapped {
		deep := "SELECT 1" + strings.Repeat("+1", 8_000)
		if statement.Parse(deep) == "" || statement.Parse("SELECT 1") == "" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A trap in the machine refuses, and so does everything after it: an instance
// that failed may never end. It needs a process of its own.
func TestTrapRefusesEverythingAfter(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), self, trapped).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
