package upstream_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/upstream"
)

// LOG-15: what ps shows of a child and of its supervisor has no secret, and of Doorward's
// own environment both have what is on the list alone.
func TestLOG15_SecretsAreInNoArguments(t *testing.T) {
	const mark, secret, own = "--mark-of-log-15", "canary-4Hz", "canary-own-2Lt"
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "DOORWARD_KEY", "PATHS", "path"} {
		t.Setenv(name, own)
	}
	p := newPool(t, upstream.Config{
		Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("quiet", mark), Env: map[string]string{"TOKEN": "token"}}},
		Secret:    func(string) (upstream.Secret, error) { return known(secret), nil },
	})
	if _, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`))); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, pid := range below(t, os.Getpid()) {
		arguments, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err != nil || !strings.Contains(string(arguments), mark) {
			continue // of another test
		}
		found++
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(arguments), "canary") || strings.Contains(string(environ), own) {
			t.Errorf("%q has a secret, or its environment one that is not its own", arguments)
		}
		for kv := range strings.SplitSeq(strings.TrimRight(string(environ), "\x00"), "\x00") {
			name, _, _ := strings.Cut(kv, "=")
			if !slices.Contains([]string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "TOKEN"}, name) {
				t.Errorf("the environment of %q has %s", arguments, name)
			}
		}
		if !strings.Contains(string(environ), "TOKEN="+secret) {
			t.Errorf("%q has not the secret that it is given", arguments)
		}
	}
	if found != 2 {
		t.Errorf("%d processes of the upstream; want the supervisor and the child", found)
	}
}
