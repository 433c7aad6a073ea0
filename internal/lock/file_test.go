package lock_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// approved is a store with the given items of one upstream approved.
func approved(t *testing.T, items ...gate.Item) (*lock.Pins, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "doorward.lock")
	p := open(t, lock.Config{Path: path, FirstUse: lock.ApproveFirst})
	if n := p.Observe(items); n != len(items) {
		t.Fatalf("Observe approved %d of %d", n, len(items))
	}
	return p, path
}

func open(t *testing.T, c lock.Config) *lock.Pins {
	t.Helper()
	p, err := lock.Open(c)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return p
}

// item is a definition as the upstream adapter would describe it.
func item(t testing.TB, kind gate.ItemKind, name, raw string) gate.Item {
	t.Helper()
	return gate.Item{Kind: kind, Upstream: "files", Name: name, Raw: []byte(raw), Digest: digest(t, kind, raw)}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFileIsMadeForReview(t *testing.T) {
	_, path := approved(t,
		item(t, gate.Tool, "write", `{"name":"write","description":"b"}`),
		item(t, gate.Tool, "read", "{\"description\":\"a\u200bb\u202e\U000E0041 é ⚠️\",\"name\":\"read\",\"inputSchema\":{}}"),
		item(t, gate.Prompt, "p", `{"name":"p","arguments":[]}`),
		item(t, gate.Instructions, "", `"be\nkind"`),
	)
	got := contents(t, path)
	for _, want := range []string{
		"{\n  \"version\": 1,\n  \"upstreams\": {\n    \"files\": {\n      \"instructions\": [\n        {\n          \"name\": \"\",\n",
		`"definition": "be\nkind"`,
		`            "description": "a\u200bb\u202e\udb40\udc41 é ⚠\ufe0f",` + "\n            \"inputSchema\": {},\n            \"name\": \"read\"\n          }\n        },\n",
		`"approved_by": "first use"`,
		`"state": "approved"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the file lacks %q:\n%s", want, got)
		}
	}
	if !strings.HasSuffix(got, "\n}\n") {
		t.Error("no newline at the end")
	}
	if i, j := strings.Index(got, `"prompts"`), strings.Index(got, `"tools"`); i < 0 || j < i {
		t.Error("the kinds are not in order")
	}
	if i, j := strings.Index(got, `"name": "read"`), strings.Index(got, `"name": "write"`); i < 0 || j < i {
		t.Error("the tools are not in order")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOneChangeTouchesOnlyItsLines(t *testing.T) {
	_, path := approved(t, item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "b", `{"name":"b"}`))
	before := strings.SplitAfter(contents(t, path), "\n")
	p := open(t, lock.Config{Path: path})
	changed := item(t, gate.Tool, "a", `{"name":"a","title":"A"}`)
	p.Observe([]gate.Item{changed})
	if _, err := p.Approve([]lock.Ref{ref(changed)}, "me"); err != nil {
		t.Fatal(err)
	}
	after := strings.SplitAfter(contents(t, path), "\n")
	b := strings.Index(strings.Join(before, ""), `"name": "b"`)
	tail := strings.Join(before, "")[b:]
	if !strings.HasSuffix(strings.Join(after, ""), tail) {
		t.Errorf("lines of another item changed:\n%s", cmp.Diff(before, after))
	}
}

func TestLoadOfNothingIsEmpty(t *testing.T) {
	l, err := lock.Load(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(l.Pins()) != 0 {
		t.Fatalf("got %v, %v", l, err)
	}
	if got, want := string(l.Bytes()), "{\n  \"version\": 1,\n  \"upstreams\": {}\n}\n"; got != want {
		t.Errorf("empty lock is %q, want %q", got, want)
	}
	again, err := lock.Parse(l.Bytes())
	if err != nil || len(again.Pins()) != 0 {
		t.Errorf("got %v, %v", again, err)
	}
}

func TestLoadIsStrict(t *testing.T) {
	_, path := approved(t, item(t, gate.Tool, "a", `{"name":"a","description":"good"}`))
	good := contents(t, path)
	for _, tc := range []struct{ name, old, new, want string }{
		{"definition edited", "good", "evil", `tool "a": its digest is not that of its definition`},
		{"digest edited", "sha256:", "sha256:0", "not sha256: and 64"},
		{"digest upper case", "sha256:", "SHA256:", "not sha256: and 64"},
		{"unknown key", `"state"`, `"x": 1, "state"`, `unknown key "x"`},
		{"unknown top key", `"version"`, `"x": 1, "version"`, `unknown key "x"`},
		{"unknown kind", `"tools"`, `"gadgets"`, `unknown key "gadgets"`},
		{"duplicate key", `"name": "a",`, `"name": "a", "name": "a",`, "duplicate"},
		{"missing name", `"name": "a",` + "\n          \"digest", `"digest`, "name is missing"},
		{"bad state", `"approved",`, `"trusted",`, "neither approved nor rejected"},
		{"wrong verb", `"approved",`, `"rejected",`, "rejected_by is missing"},
		{"time", `_at": "`, `_at": "x`, "not RFC 3339"},
		{"nobody", `"first use"`, `""`, "approved_by must have"},
		{"version", `"version": 1`, `"version": 2`, `"version": 1`},
		{"trailing", "\n}\n", "\n}\n{}", "more after its end"},
		{"cut", "\n}\n", "", "unexpected EOF"},
		{"array for object", `"upstreams": {`, `"upstreams": [{`, "where { belongs"},
		{"invalid UTF-8", "good", "g\xffd", "UTF-8"},
		{"merge conflict", `      "tools"`, "<<<<<<< HEAD\n" + `      "tools"`, "line 5: unresolved merge conflict"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := strings.Replace(good, tc.old, tc.new, 1)
			if bad == good {
				t.Fatal("the case changes nothing")
			}
			if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := lock.Load(path); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			if _, err := lock.Open(lock.Config{Path: path}); err == nil {
				t.Error("Open accepts it")
			}
		})
	}
}

func TestSameItemTwiceIsRefused(t *testing.T) {
	_, path := approved(t, item(t, gate.Tool, "a", `{"name":"a"}`))
	text := contents(t, path)
	start, end := strings.Index(text, "        {\n"), strings.Index(text, "\n      ]")
	entry := text[start:end]
	_, err := lock.Parse([]byte(text[:end] + ",\n" + entry + text[end:]))
	if err == nil || !strings.Contains(err.Error(), "is there twice") {
		t.Errorf("got %v", err)
	}
}

func TestSaveFollowsSymlinkAndLeavesNoDebris(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real.lock"), filepath.Join(dir, "doorward.lock")
	if err := os.WriteFile(target, new(lock.Lock).Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	p := open(t, lock.Config{Path: link, FirstUse: lock.ApproveFirst})
	p.Observe([]gate.Item{item(t, gate.Tool, "a", `{"name":"a"}`)})
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if !strings.Contains(contents(t, target), `"name": "a"`) {
		t.Error("the file behind the link is not written")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("directory has %v, %v", entries, err)
	}
}

func TestSaveFailureLeavesTheOldFile(t *testing.T) {
	p, path := approved(t, item(t, gate.Tool, "a", `{"name":"a"}`))
	before := contents(t, path)
	next := item(t, gate.Tool, "a", `{"name":"a","title":"x"}`)
	p.Observe([]gate.Item{next})
	if err := os.Rename(filepath.Dir(path), filepath.Dir(path)+".gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve([]lock.Ref{ref(next)}, "me"); err == nil {
		t.Error("an approval that cannot be written is reported as done")
	}
	if s := p.State("files", gate.Tool, "a", next.Digest); s == gate.Approved {
		t.Error("an approval that cannot be written counts")
	}
	if err := os.Rename(filepath.Dir(path)+".gone", filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != before {
		t.Error("the file changed")
	}
}

// FuzzLock: bytes that are accepted stand for a lock whose saved form is a
// fixed point and loads as the same lock; nothing panics.
func FuzzLock(f *testing.F) {
	f.Add(new(lock.Lock).Bytes())
	f.Add([]byte(`{"version":1,"upstreams":{"u":{"tools":[]},"v":{}}}`))
	f.Add(entry(f, "t", `{"name":"t","n":[1.0,1e2,12345678901234567890,{"a\u200b":null}],"e":{},"l":[]}`))
	f.Add(entry(f, "\u202e\U000E0041", "\"\\u0000\U0010FFFF \\\\u200b\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := lock.Parse(data)
		if err != nil {
			return
		}
		saved := l.Bytes()
		again, err := lock.Parse(saved)
		if err != nil {
			t.Fatalf("saved lock is refused: %v\n%s", err, saved)
		}
		if diff := cmp.Diff(l.Pins(), again.Pins()); diff != "" {
			t.Fatalf("load(save(x)) differs:\n%s", diff)
		}
		if !bytes.Equal(again.Bytes(), saved) {
			t.Fatal("saving is no fixed point")
		}
	})
}

// entry is a lock file with one tool.
func entry(t testing.TB, name, definition string) []byte {
	return []byte(`{"version":1,"upstreams":{"u":{"tools":[{"name":` + quote(name) + `,"digest":"` + digest(t, gate.Tool, definition).String() +
		`","state":"rejected","rejected_by":"x","rejected_at":"2026-11-20T10:00:00+02:00","definition":` + definition + `}]}}}`)
}

func TestParseAcceptsEntry(t *testing.T) {
	for _, definition := range []string{`{"name":"t","n":[1.0,{"a\u200b":null}]}`, "\"\\u0000\U0010FFFF\""} {
		l, err := lock.Parse(entry(t, "t\u200b", definition))
		if err != nil {
			t.Fatal(err)
		}
		pin := l.Pins()[0]
		if pin.State != gate.Rejected || pin.Name != "t\u200b" || pin.At.Hour() != 8 {
			t.Errorf("got %+v", pin)
		}
	}
}

func TestDeepDefinitionIsRefused(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	if _, err := lock.Parse(entry(t, "t", deep)); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("got %v", err)
	}
}
