package parts_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// S3: a gateway that is made to print what all its goroutines do, while secrets are in its hands,
// prints none of them, and leaves no core file. Nor does anything else that it prints have one.
func TestS3NoSecretInACrash(t *testing.T) {
	t.Parallel()
	const inFile, inVariable = "CANARY-in-a-file-of-the-gateway", "CANARY-in-its-environment"
	asked := make(chan string, 64)
	held := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.Header.Get("Authorization"):
		default: // nobody counts them
		}
		select { // so that requests with the secrets are under way
		case <-held:
		case <-r.Context().Done():
		}
	}))
	defer upstream.Close()
	defer close(held)
	g := directory(t, fmt.Sprintf(`version: 1
listen: {address: "127.0.0.1:0"}
secrets:
  in-file: {from: "file:token"}
  in-variable: {from: "env:CANARY_TOKEN"}
upstreams:
  one: {url: %[1]q, credential: {bearer: in-file}}
  two: {url: %[1]q, credential: {bearer: in-variable}}
`, upstream.URL+"/mcp"))
	g.write("token", inFile)
	g.env = []string{"CANARY_TOKEN=" + inVariable, "GOTRACEBACK=all"}
	g.hide(inFile, inVariable)
	g.serve()
	seen := map[string]bool{}
	for end := time.After(patience); len(seen) < 2; {
		select {
		case token := <-asked:
			seen[token] = true
		case <-end:
			t.Fatalf("the upstreams were asked with %d secrets", len(seen))
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", g.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if name, is := strings.CutPrefix(line, "Max core file size"); is && strings.Fields(name)[0] != "1" && strings.Fields(name)[0] != "0" {
			t.Errorf("its core file may have %s", strings.TrimSpace(name))
		}
	}
	if err := g.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-g.exited:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if g.log.count("goroutine ") < 10 || g.log.count("net/http") == 0 {
		t.Errorf("it printed no goroutines:\n%s", g.log.String())
	}
}
