package evidence_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/audit"
	"doorward/internal/evidence"
)

// A7, through a whole gateway: an incident's bundle proves itself without the gateway,
// names nobody, and its report says what happened.
func TestA7EvidenceOfAnIncident(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := s.gather(t, false)
	if c.Found.Cut || c.Records() < 10 {
		t.Fatalf("%d records: %+v", c.Records(), c.Found)
	}
	b := s.pack(t, c)
	keys := []note.Verifier{s.key}
	if v := b.Verify(keys); !v.OK || v.Records != c.Records() || v.Proven != v.Records || v.Incident != s.incident || len(v.SignedBy) != 1 {
		t.Fatalf("the bundle: %+v", v)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	written(t, b, c, dir)
	t.Run("sealed", func(t *testing.T) { sealed(t, dir) })
	t.Run("tampered", func(t *testing.T) { tampered(t, dir, keys) })
	t.Run("report", func(t *testing.T) { reported(t, c) })
	t.Run("others", func(t *testing.T) { onlyHers(t, s, c) })
	t.Run("open", func(t *testing.T) { opened(t, s) })
	if n := len(s.Records(audit.Query{Event: "incident.bundle"})); n != 2 {
		t.Errorf("%d bundles on record", n)
	}
	t.Run("forged", func(t *testing.T) { forged(t, s, c) })
}

// written puts the bundle in both forms, twice, and reads it back.
func written(t *testing.T, b *evidence.Bundle, c *evidence.Case, dir string) {
	t.Helper()
	one, two := dir+"-1.tar.gz", dir+"-2.tar.gz"
	for _, path := range []string{dir, one, two} {
		if err := b.Write(path, c.Now); err != nil {
			t.Fatal(err)
		}
		if err := b.Write(path, c.Now); err == nil {
			t.Errorf("%s was written over", path)
		}
		if _, err := evidence.Open(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
			if info, _ := d.Info(); info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	first, err := os.ReadFile(one)
	second, again := os.ReadFile(two)
	if err != nil || again != nil || !bytes.Equal(first, second) {
		t.Errorf("one bundle has two forms: %v, %v", err, again)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// sealed looks for what nobody asked to open.
func sealed(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, word := range []string{"alice", "127.0.0.1", secretText} {
			if speaks(text, word) {
				t.Errorf("%s says %s", filepath.Base(path), word)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tampered changes every file of a bundle, one at a time, takes it away, and adds one.
func tampered(t *testing.T, dir string, keys []note.Verifier) {
	check := func(what string) {
		t.Helper()
		b, err := evidence.Open(dir)
		if err == nil && b.Verify(keys).OK {
			t.Errorf("%s is not found", what)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		was, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range []int{0, len(was) / 2, len(was) - 1} {
			changed := bytes.Clone(was)
			changed[at] ^= 1
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				return err
			}
			check(fmt.Sprintf("byte %d of %s", at, path))
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		check("that " + path + " is gone")
		return os.WriteFile(path, was, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := evidence.Open(dir)
	if err != nil || !b.Verify(keys).OK {
		t.Fatalf("as it was: %v", err)
	}
	other, err := note.NewVerifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]note.Verifier{"no key": nil, "another key": {other}} {
		if b.Verify(keys).OK {
			t.Errorf("it holds by %s", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "more.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("a file more")
	if err := os.Remove(filepath.Join(dir, "more.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "more.txt")); err == nil {
		check("a link")
	}
}

// reported looks at the report.
func reported(t *testing.T, c *evidence.Case) {
	r, err := evidence.NewReview(c)
	if err != nil {
		t.Fatal(err)
	}
	tm := r.Times
	if tm.ToDetect == nil || tm.ToContain == nil || tm.ToRecover == nil || tm.Told.IsZero() || tm.Closed.IsZero() || tm.By != "rule:denied_calls" {
		t.Errorf("times: %+v", tm)
	}
	if a := r.Affected; a.Persons != 1 || len(a.Names) != 0 || len(a.Addresses) != 0 || a.Tools != 2 || len(a.Upstreams) != 1 {
		t.Errorf("affected: %+v", a)
	}
	var ok, refused int
	for _, one := range r.Calls {
		if one.Method == "tools/call" {
			ok += one.OK
			refused += one.Refused
		}
	}
	if ok != 1 || refused != 4 || r.Volume.In == 0 || r.Volume.Out == 0 || r.Refusals["tool.unknown"] != 4 {
		t.Errorf("calls: %+v, %+v", r.Calls, r.Refusals)
	}
	if len(r.Open) == 0 || r.Figures == nil || len(r.Timeline) < 8 {
		t.Errorf("open: %v, figures: %v, timeline: %v", r.Open, r.Figures, r.Timeline)
	}
	for i := 1; i < len(r.Timeline); i++ {
		if r.Timeline[i].At.Before(r.Timeline[i-1].At) {
			t.Errorf("the timeline is not in order: %v", r.Timeline)
		}
	}
	if text, err := json.Marshal(r); err != nil || speaks(text, "alice") {
		t.Errorf("%s, %v", text, err)
	}
	harmless(t, r.Markdown())
	if !speaks(r.Markdown(), "What was contained") || speaks(r.Markdown(), "alice") {
		t.Errorf("the report:\n%s", r.Markdown())
	}
}

// harmless holds a report against what hostile tried: nothing of it is markup.
func harmless(t *testing.T, page []byte) {
	t.Helper()
	unescaped := regexp.MustCompile("(^|[^\\\\])[<`\u202e]|(^|[^\\\\])\\]\\(|[^\\\\]:\\/\\/")
	for line := range strings.SplitSeq(string(page), "\n") {
		if m := unescaped.FindString(line); m != "" {
			t.Errorf("%q is markup in %q", m, line)
		}
		if strings.HasPrefix(line, "# Closed") {
			t.Error("a heading was written from outside")
		}
		cells := len(regexp.MustCompile(`(^|[^\\])\|`).FindAllString(line, -1))
		if strings.HasPrefix(line, "| ") && strings.Contains(line, "onerror") && cells != 6 && cells != 5 && cells != 7 {
			t.Errorf("a row has %d bars: %s", cells, line)
		}
	}
}

// onlyHers looks for records of others.
func onlyHers(t *testing.T, s *scene, c *evidence.Case) {
	mine := map[uint64]bool{}
	for _, l := range c.Found.Logs {
		for _, seq := range append(l.Own, l.Calls...) {
			mine[seq] = true
		}
	}
	for _, r := range s.Records(audit.Query{Principal: "bob"}) {
		if mine[r.Seq] {
			t.Errorf("record %d is bob's", r.Seq)
		}
	}
	for _, r := range s.Records(audit.Query{Principal: "alice"}) {
		if !mine[r.Seq] && r.Exchange != "" {
			t.Errorf("record %d is alice's, and is left out: %+v", r.Seq, r)
		}
	}
}

// opened asks for what is sealed, which is on record.
func opened(t *testing.T, s *scene) {
	before := len(s.Records(audit.Query{Event: "audit.open"}))
	c := s.gather(t, true)
	if after := len(s.Records(audit.Query{Event: "audit.open"})); after < before+2 {
		t.Errorf("%d times opened on record, %d before", after, before)
	}
	b := s.pack(t, c)
	if v := b.Verify([]note.Verifier{s.key}); !v.OK || !v.Manifest.Opened {
		t.Errorf("%+v", v)
	}
	r, err := evidence.NewReview(c)
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Affected; len(a.Names) != 1 || a.Names[0] != "alice" || len(a.Addresses) != 1 {
		t.Errorf("affected: %+v", a)
	}
	harmless(t, r.Markdown())
	dir := filepath.Join(t.TempDir(), "open")
	if err := b.Write(dir, c.Now); err != nil {
		t.Fatal(err)
	}
	followed(t, b, c)
	invented(t, c)
	if err := os.Mkdir(filepath.Join(dir, "more"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Open(dir); err == nil || !strings.Contains(err.Error(), "empty directory") {
		t.Errorf("with an empty directory: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "opened", "audit.jsonl"))
	if err != nil || !speaks(text, secretText) {
		t.Errorf("opened: %s, %v", text, err)
	}
}

// followed puts something behind the end of an archive: it is no part of the bundle, and
// no bundle has it.
func followed(t *testing.T, b *evidence.Bundle, c *evidence.Case) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "followed.tar.gz")
	if err := b.Write(path, c.Now); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	tape, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	var twice bytes.Buffer
	zip := gzip.NewWriter(&twice)
	for range 2 {
		if _, err := zip.Write(tape); err != nil {
			t.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"garbage": append(bytes.Clone(whole), 'x'), "a second member": append(bytes.Clone(whole), whole...), "a second archive": twice.Bytes(),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Open(path); err == nil || !strings.Contains(err.Error(), "behind the end") {
			t.Errorf("%s behind the end: %v", name, err)
		}
	}
}
