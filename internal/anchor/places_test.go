package anchor_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/anchor"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/webhook"
)

func checkpoint(origin string, size int) anchor.Checkpoint {
	root := strings.Repeat("A", 43) + "="
	return anchor.Checkpoint{
		Origin: origin, Size: uint64(size), Root: root,
		Note: fmt.Sprintf("%s\n%d\n%s\n\n\u2014 %s aiM5MNu4wcMmtis3\n", origin, size, root, origin),
	}
}

// A file holds the checkpoints of several logs, and the audit package reads them.
func TestAFileOfCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints")
	place, err := anchor.NewFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := place.Last(t.Context(), "a"); last != "" || err != nil {
		t.Errorf("before: %q, %v", last, err)
	}
	for i := range 6 {
		if err := place.Take(t.Context(), checkpoint([]string{"a", "a-2"}[i%2], i)); err != nil {
			t.Fatal(err)
		}
	}
	for origin, want := range map[string]string{"a": checkpoint("a", 4).Note, "a-2": checkpoint("a-2", 5).Note, "b": ""} {
		if last, err := place.Last(t.Context(), origin); last != want || err != nil {
			t.Errorf("of %s: %q, %v", origin, last, err)
		}
	}
	all, err := audit.ReadCheckpoints(path)
	if err != nil || len(all) != 6 || all[5].Note != checkpoint("a-2", 5).Note {
		t.Errorf("read %d: %v", len(all), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v: %v", info.Mode(), err)
	}
}

// What a crash left of a checkpoint is cut off, wherever it fell; what is not of this
// kind is left alone.
func TestAFileThatWasCutShort(t *testing.T) {
	dir := t.TempDir()
	whole := checkpoint("a", 1).Note + "\n" + checkpoint("b", 2).Note + "\n"
	torn := checkpoint("a", 3).Note
	path := filepath.Join(dir, "checkpoints")
	place, err := anchor.NewFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cuts := []int{0, 1, 2, 4, strings.Index(torn, "\n\n"), strings.Index(torn, "\n\n") + 1, strings.Index(torn, "\n\n") + 2, len(torn) - 9, len(torn) - 1, len(torn)}
	for _, cut := range cuts {
		for _, before := range []string{"", whole} {
			write(t, path, before+torn[:cut])
			if err := place.Take(t.Context(), checkpoint("a", 4)); err != nil {
				t.Fatalf("cut after %d: %v", cut, err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != before+checkpoint("a", 4).Note+"\n" {
				t.Fatalf("cut after %d: %q, %v", cut, text, err)
			}
		}
	}
	for name, text := range map[string]string{"words": "# notes of mine\n", "another log's": whole + "c\n12", "a key": "-----BEGIN"} {
		write(t, path, text)
		if err := place.Take(t.Context(), checkpoint("a", 4)); err == nil {
			t.Errorf("%s: taken", name)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("%s: it is now %q, %v", name, now, err)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{link, dir, filepath.Join(dir, "none", "x")} {
		if place, err = anchor.NewFile(bad); err != nil {
			t.Fatal(err)
		}
		if err := place.Take(t.Context(), checkpoint("a", 1)); err == nil {
			t.Errorf("%s is taken for a file", bad)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("a link was followed")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever a file ends with: nothing but an end without an empty line is ever cut off,
// and what is left ends in a whole note or is empty.
func FuzzMend(f *testing.F) {
	whole := checkpoint("a", 1).Note + "\n"
	f.Add(whole + "a\n12\n")
	f.Add("a")
	f.Add("b\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, text)
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		end, err := anchor.Mend(file, "a")
		left, readErr := io.ReadAll(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		switch {
		case err != nil && string(left) != text:
			t.Errorf("refused, and %q is left of %q", left, text)
		case err == nil && (int64(len(left)) != end || !strings.HasPrefix(text, string(left))):
			t.Errorf("%q is left of %q", left, text)
		case err == nil && len(left) > 0 && !strings.HasSuffix(string(left), "\n\n"):
			t.Errorf("%q is left of %q", left, text)
		}
	})
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

// Every checkpoint is a commit, here and where the branch is pushed; no hook and no
// configuration of the repository starts a program.
func TestARepositoryOfCheckpoints(t *testing.T) {
	dir, remote := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "there")
	if err := os.Mkdir(remote, 0o700); err != nil {
		t.Fatal(err)
	}
	git(t, remote, "init", "--quiet", "--bare", ".")
	place, err := anchor.NewGit(anchor.GitConfig{Dir: dir, Remote: remote, Environment: []string{"PATH=" + os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	if last, err := place.Last(t.Context(), "doorward/x"); last != "" || err != nil {
		t.Errorf("before: %q, %v", last, err)
	}
	ran := filepath.Join(t.TempDir(), "ran")
	for i := range 2 {
		if i == 1 {
			hooks := filepath.Join(dir, "hooks")
			if err := os.MkdirAll(hooks, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, hook := range []string{"reference-transaction", "pre-push", "post-commit"} {
				if err := os.WriteFile(filepath.Join(hooks, hook), []byte("#!/bin/sh\ntouch '"+ran+"'\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := place.Take(t.Context(), checkpoint("doorward/x", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := place.Last(t.Context(), "doorward/x"); last != checkpoint("doorward/x", 2).Note || err != nil {
		t.Errorf("the last is %q, %v", last, err)
	}
	if last, err := place.Last(t.Context(), "doorward/y"); last != "" || err != nil {
		t.Errorf("of another log: %q, %v", last, err)
	}
	if log := git(t, remote, "log", "--format=%s", "doorward"); log != "2 records of doorward/x\n1 records of doorward/x\n" {
		t.Errorf("its history there is %q", log)
	}
	if was := git(t, remote, "show", "doorward~1:doorward-x.checkpoint"); was != checkpoint("doorward/x", 1).Note {
		t.Errorf("the first was %q", was)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook ran")
	}
	for _, key := range []string{"core.sshCommand", "filter.x.clean", "include.path", "url.ext::touch.insteadOf", "remote.x.uploadpack"} {
		git(t, dir, "config", key, "touch "+ran)
		if err := place.Take(t.Context(), checkpoint("doorward/x", 3)); err == nil || !strings.Contains(err.Error(), "is not for one that keeps checkpoints") {
			t.Errorf("%s: %v", key, err)
		}
		git(t, dir, "config", "--unset", key)
	}
	if err := place.Take(t.Context(), checkpoint("doorward/x", 3)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRepositoriesThatAreNone(t *testing.T) {
	above := t.TempDir()
	git(t, above, "init", "--quiet", ".")
	below := filepath.Join(above, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"a directory in one": below, "of nobody": filepath.Join(above, "none", "x")} {
		place, err := anchor.NewGit(anchor.GitConfig{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := place.Take(t.Context(), checkpoint("a", 1)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := anchor.NewGit(anchor.GitConfig{Dir: below}); err == nil || !strings.Contains(err.Error(), "git is not installed") {
		t.Errorf("without git: %v", err)
	}
}

// A receiver gets the note, signed, under the same id when it is sent again.
func TestACheckpointIsPosted(t *testing.T) {
	var ids []string
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Webhook-Signature") == "" {
			w.WriteHeader(http.StatusForbidden)
		}
		ids = append(ids, r.Header.Get("Webhook-Id"))
		body, _ = io.ReadAll(r.Body) // a cut body is no JSON
	}))
	t.Cleanup(srv.Close)
	target, err := webhook.NewTarget(webhook.TargetConfig{URL: srv.URL, Secret: func() (gate.Secret, error) {
		return gate.NewSecret(strings.Repeat("k", 32)), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	place := anchor.NewHTTP(target)
	for range 2 {
		if err := place.Take(t.Context(), checkpoint("a", 7)); err != nil {
			t.Fatal(err)
		}
	}
	var got struct {
		Type string
		Data struct {
			Origin, Checkpoint string
			Size               int
		}
	}
	err = json.Unmarshal(body, &got)
	if err != nil || got.Type != "audit.checkpoint" || got.Data.Checkpoint != checkpoint("a", 7).Note || got.Data.Size != 7 || got.Data.Origin != "a" {
		t.Errorf("posted %s: %v", body, err)
	}
	if len(ids) != 2 || ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("the ids are %q", ids)
	}
	if last, err := place.Last(t.Context(), "a"); last != "" || err != nil {
		t.Errorf("the last is %q, %v", last, err)
	}
}
