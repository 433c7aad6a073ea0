package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/secret"
)

const canary = "CANARY-4f1d-value"

func environ(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// age sets a file's time of change d ago, so that what is read of it is kept.
func age(t *testing.T, path string, d time.Duration) {
	t.Helper()
	at := time.Now().Add(-d)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *secret.Store, name string) string {
	t.Helper()
	v, err := s.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return v.Reveal()
}

func TestNothingPrintsAValue(t *testing.T) {
	s, err := secret.Open([]secret.Source{{Name: "a", From: "env:A"}}, environ(map[string]string{"A": canary}))
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Get("a")
	if err != nil || v.Reveal() != canary {
		t.Fatalf("Get: %v", err)
	}
	type holder struct {
		Shown  secret.Value
		hidden secret.Value
		Deep   map[string][]secret.Value
		Ptr    *secret.Value
	}
	h := holder{Shown: v, hidden: v, Deep: map[string][]secret.Value{"x": {v}}, Ptr: &v}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%c", "%U", "%10.3s", "% x", "%#x", "%e"} {
		for _, x := range []any{v, &v, h, &h, []any{v, h}, s, *s, map[string]any{"a": h}, fmt.Errorf("with %v and %+v", v, h)} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	fmt.Fprintln(&out, v, &v, h, fmt.Sprint(v), h.hidden)
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		log.Info("x", "value", v, "pointer", &v, "struct", h, "store", s, "any", any(v))
	}
	for _, x := range []any{v, &v, h, s} {
		data, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		out.Write(data)
	}
	data, err := xml.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	out.Write(data)
	text := out.String()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary), "CANARY", fmt.Sprintf("%d", []byte(canary))} {
		if strings.Contains(text, form) {
			t.Errorf("the value was printed as %q", form)
		}
	}
	if !strings.Contains(text, "[secret]") {
		t.Error("nothing was printed at all")
	}
}

// One line per secret that cannot be had, with its name and place.
func TestOpenTellsEveryFault(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write(t, path("open"), canary)
	if err := os.Chmod(path("open"), 0o640); err != nil {
		t.Fatal(err)
	}
	write(t, path("empty"), "\n")
	write(t, path("huge"), strings.Repeat("x", secret.MaxSize+1))
	write(t, path("nul"), canary+"\x00")
	write(t, path("no-url"), canary)
	write(t, path("bad-url"), "https://CANARY-4f1d-value\x7f:%zz")
	sources := []secret.Source{
		{Name: "s-unset", From: "env:UNSET", Required: true},
		{Name: "s-blank", From: "env:BLANK", Required: true},
		{Name: "s-absent", From: "file:" + path("absent"), Required: true},
		{Name: "s-directory", From: "file:" + dir, Required: true},
		{Name: "s-open", From: "file:" + path("open"), Required: true},
		{Name: "s-open-optional", From: "file:" + path("open")},
		{Name: "s-empty", From: "file:" + path("empty"), Required: true},
		{Name: "s-huge", From: "file:" + path("huge"), Required: true},
		{Name: "s-nul", From: "file:" + path("nul"), Required: true},
		{Name: "s-no-url", From: "file:" + path("no-url"), Required: true, Type: "url"},
		{Name: "s-bad-url", From: "file:" + path("bad-url"), Required: true, Type: "url"},
		{Name: "s-env-url", From: "env:TEXT", Required: true, Type: "url"},
		{Name: "s-type", From: "env:TEXT", Type: "number"},
		{Name: "s-store", From: "store"},
		{Name: "s-literal", From: canary},
		{Name: "s-fine", From: "env:TEXT"},
		{Name: "s-fine", From: "env:TEXT"},
	}
	_, err := secret.Open(sources, environ(map[string]string{"BLANK": "", "TEXT": canary}))
	if err == nil {
		t.Fatal("all was well")
	}
	text := err.Error()
	for _, want := range []string{
		"secret s-unset: the variable UNSET is not set", "secret s-blank: the variable BLANK is not set",
		"secret s-absent: the file " + path("absent") + " is not there", "secret s-directory: the file " + dir + " is no regular file",
		"secret s-open: the file " + path("open") + " can be read by others (mode 0640): chmod 600 " + path("open"), "secret s-open-optional: ",
		"secret s-empty: the file " + path("empty") + " is empty", "secret s-huge: the file " + path("huge") + " holds more than 65536 bytes",
		"secret s-nul: ", "secret s-no-url: the file " + path("no-url") + " holds no absolute URL", "secret s-bad-url: ",
		"secret s-env-url: the variable TEXT holds no absolute URL", "secret s-type: ", "secret s-store: ", "secret s-literal: ", "secret s-fine: is declared twice",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	if strings.Count(text, "\n")+1 != len(sources)-1 || strings.Contains(text, "CANARY") {
		t.Errorf("not one line per fault, or a value among them:\n%s", text)
	}
}

func TestOptionalSecretsFailWhenUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "later")
	s, err := secret.Open([]secret.Source{{Name: "v", From: "env:UNSET"}, {Name: "f", From: "file:" + path}}, environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v", "f", "other"} {
		if v, err := s.Get(name); err == nil || v.Reveal() != "" {
			t.Errorf("%s: got something", name)
		}
	}
	if _, err := s.Get("other"); !errors.Is(err, secret.ErrUnknown) {
		t.Errorf("an unknown name: %v", err)
	}
	write(t, path, canary+"\n")
	if got := get(t, s, "f"); got != canary {
		t.Errorf("a file that came later: %q", got)
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "first\r\n")
	age(t, path, time.Hour)
	s, err := secret.Open([]secret.Source{{Name: "t", From: "file:" + path, Required: true}}, environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "t"); got != "first" {
		t.Errorf("got %q", got)
	}
	// Same length, in place, within the same tick: still seen.
	for _, text := range []string{"secnd\n", "third\n", "fourt\n"} {
		write(t, path, text)
		if got := get(t, s, "t"); got != strings.TrimSpace(text) {
			t.Errorf("after a change got %q, want %q", got, text)
		}
	}
	// Renamed into place with the old one's time and size.
	age(t, path, time.Hour)
	if got := get(t, s, "t"); got != "fourt" {
		t.Errorf("got %q", got)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path+".new", "fifth\n")
	if err := errors.Join(os.Chtimes(path+".new", info.ModTime(), info.ModTime()), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "t"); got != "fifth" {
		t.Errorf("after a rename got %q", got)
	}
	// Gone bad: what was read before is not used.
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("t"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that everybody may read: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("t"); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("a file that is gone: %v", err)
	}
}

// Rotation under load: nobody ever reads half a secret.
func TestRotationUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "value-0")
	s, err := secret.Open([]secret.Source{{Name: "t", From: "file:" + path, Required: true}}, environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := s.Get("t")
				if err != nil || len(v.Reveal()) != len("value-0") || !strings.HasPrefix(v.Reveal(), "value-") {
					t.Errorf("got %q, %v", v.Reveal(), err)
					return
				}
			}
		})
	}
	for i := range 100 {
		write(t, path+".new", fmt.Sprintf("value-%d\n", i%10))
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		if got, want := get(t, s, "t"), fmt.Sprintf("value-%d", i%10); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	close(stop)
	wg.Wait()
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one"), "one")
	write(t, filepath.Join(dir, "two"), "two")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("one", link); err != nil {
		t.Fatal(err)
	}
	s, err := secret.Open([]secret.Source{{Name: "l", From: "file:" + link, Required: true}}, environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "l"); got != "one" {
		t.Errorf("through the link: %q", got)
	}
	if err := errors.Join(os.Symlink("two", link+"2"), os.Rename(link+"2", link)); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "l"); got != "two" {
		t.Errorf("through the changed link: %q", got)
	}
}

func TestHeader(t *testing.T) {
	vars := map[string]string{}
	var sources []secret.Source
	for i, text := range []string{"good", "with space inside", "t\tab", "a\r\nX-Evil: 1", "a\nb", "a\rb", "del\x7f", "esc\x1b[0m", " lead", "trail "} {
		vars[fmt.Sprint("V", i)] = text
		sources = append(sources, secret.Source{Name: fmt.Sprint(i), From: fmt.Sprint("env:V", i), Required: true})
	}
	s, err := secret.Open(sources, environ(vars))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sources {
		v, err := s.Get(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		text, err := v.Header()
		if good := i < 3; good != (err == nil) || good != (text != "") {
			t.Errorf("%q as a header: %q, %v", v.Reveal(), text, err)
		}
		if err != nil && strings.Contains(err.Error(), v.Reveal()) {
			t.Errorf("the error holds the value: %v", err)
		}
	}
	if _, err := (secret.Value{}).Header(); err == nil {
		t.Error("no value is a header")
	}
}

func TestOverdue(t *testing.T) {
	dir := t.TempDir()
	var sources []secret.Source
	for name, old := range map[string]time.Duration{"old": 91 * 24 * time.Hour, "fresh": time.Hour} {
		write(t, filepath.Join(dir, name), "x")
		age(t, filepath.Join(dir, name), old)
		sources = append(sources, secret.Source{Name: name, From: "file:" + filepath.Join(dir, name), MaxAge: 90 * 24 * time.Hour})
	}
	sources = append(sources,
		secret.Source{Name: "never", From: "file:" + filepath.Join(dir, "old")},
		secret.Source{Name: "gone", From: "file:" + filepath.Join(dir, "gone"), MaxAge: time.Hour},
		secret.Source{Name: "variable", From: "env:X", MaxAge: time.Nanosecond})
	s, err := secret.Open(sources, environ(map[string]string{"X": "x"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Overdue(time.Now()); len(got) != 1 || got[0] != "old" {
		t.Errorf("overdue are %v", got)
	}
}
