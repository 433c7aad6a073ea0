package archtest_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// early are the imports of the packages that act before main (docs/adr/0081). A package is
// initialised when all that it imports is, so each import of these has a price that every
// child process pays.
var early = map[string][]string{
	"cmd/doorward/supervisor": {"os", "doorward/internal/supervise"},
	"supervise": {
		"bytes", "errors", "fmt", "os", "os/signal", "runtime", "strconv", "syscall", "time",
	},
	"cmd/doorward/process1": {"os", "doorward/internal/sandbox"},
	"sandbox": {
		"bufio", "bytes", "context", "crypto/rand", "crypto/sha256", "debug/elf", "encoding/binary", "encoding/json",
		"errors", "fmt", "io", "io/fs", "maps", "math", "net", "os", "os/exec", "os/signal", "path/filepath", "regexp",
		"runtime", "slices", "strconv", "strings", "sync", "syscall", "time", "unsafe",
		"golang.org/x/net/bpf", "golang.org/x/sys/unix", "golang.org/x/sys/windows", "doorward/internal/supervise",
	},
}

func TestWhatActsBeforeMainImportsLittle(t *testing.T) {
	seen := map[string]bool{}
	for p, f := range all(t) {
		may, acts := early[p.name]
		if !acts || f.test {
			continue
		}
		seen[p.name] = true
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which every child process would wait for; %s may import [%s]", f.path, imported, p.name, strings.Join(may, " "))
			}
		}
	}
	for name := range early {
		if !seen[name] {
			t.Errorf("there is no package %s", name)
		}
	}
}

// Nobody but main may import what ends the process.
func TestOnlyMainImportsWhatActsBeforeIt(t *testing.T) {
	for p, f := range all(t) {
		for _, imported := range f.ours() {
			if (imported == "cmd/doorward/supervisor" || imported == "cmd/doorward/process1") && p.name != "cmd/doorward" {
				t.Errorf("%s imports %s", f.path, imported)
			}
		}
	}
}
