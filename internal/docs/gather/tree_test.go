package gather_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/gather"
)

const prefix = "docs://up/src/"

// told is what a source tells.
type told struct {
	found   map[string]gather.Found
	skipped map[string]string
	unread  []string
}

func walk(t *testing.T, s gather.Source) (told, error) {
	t.Helper()
	got := told{found: map[string]gather.Found{}, skipped: map[string]string{}}
	err := s.Walk(t.Context(), gather.Visit{
		Found:   func(f gather.Found) error { got.found[f.URI] = f; return nil },
		Skipped: func(origin, why string) { got.skipped[origin] = why },
		Unread:  func(below, _ string, _ error) { got.unread = append(got.unread, below) },
	})
	return got, err
}

func (g told) uris() []string {
	var all []string
	for uri := range g.found {
		all = append(all, uri)
	}
	slices.Sort(all)
	return all
}

// write makes files; a name that ends with / is a directory.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(at, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func tree(t *testing.T, dir string) *gather.Tree {
	t.Helper()
	s, err := gather.OpenTree(dir, prefix, []string{".git", "*.pem", "private/**"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestATreeIsReadWithoutItsSecretsAndLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, map[string]string{"passwd": "secret"})
	write(t, dir, map[string]string{"a.md": "A", "b/ü ?.md": "B", ".git/config": "x", "b/KEY.PEM": "x", "private/a.md": "x", "empty/": ""})
	if err := os.Symlink(filepath.Join(outside, "passwd"), filepath.Join(dir, "link.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	got, err := walk(t, tree(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{prefix + "a.md", prefix + "b/%C3%BC%20%3F.md"}, got.uris()); diff != "" {
		t.Error(diff)
	}
	if got.skipped["link.md"] != "it is a link" || got.skipped["out"] != "it is a link" {
		t.Errorf("skipped %v", got.skipped)
	}
	c, err := got.found[prefix+"b/%C3%BC%20%3F.md"].Open(t.Context())
	if err != nil || string(c.Bytes) != "B" || c.Modified.IsZero() || c.Modified.Nanosecond() != 0 {
		t.Errorf("%q of %v, %v", c.Bytes, c.Modified, err)
	}
}

// TestWhatIsSwappedIsNotRead has a directory and a file become links between the walk and
// the reading.
func TestWhatIsSwappedIsNotRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/x.md": "X", "b.md": "B", "c.md": "C", ".git/x.md": "secret"})
	got, err := walk(t, tree(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b.md"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"a": ".git", "b.md": ".git/x.md"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a/x.md", "b.md"} {
		if c, err := got.found[prefix+name].Open(t.Context()); err == nil {
			t.Errorf("%s is read: %q", name, c.Bytes)
		}
	}
	if err := os.Remove(filepath.Join(dir, "c.md")); err != nil {
		t.Fatal(err)
	}
	if _, err := got.found[prefix+"c.md"].Open(t.Context()); !errors.Is(err, gather.ErrGone) {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestWhatCannotBeLookedIntoIsNotGone(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": "A", "many/1.md": "B", "many/2.md": "B", "many/3.md": "B"})
	s := tree(t, dir)
	gather.SetEntries(s, 2)
	got, err := walk(t, s)
	if err != nil || !slices.Equal(got.unread, []string{prefix + "many"}) || len(got.found) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	gather.SetEntries(s, 1)
	if _, err := walk(t, s); err == nil {
		t.Error("a source that cannot be listed is no error")
	}
}

func TestLargeFilesAreSkipped(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.md": ""})
	if err := os.Truncate(filepath.Join(dir, "a.md"), docs.MaxDocument+1); err != nil {
		t.Fatal(err)
	}
	got, err := walk(t, tree(t, dir))
	if err != nil || len(got.found) != 0 || got.skipped["a.md"] == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNamesOfSources(t *testing.T) {
	for _, name := range []string{"docs", "a-b_c.1"} {
		if err := gather.CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "A", "a/b", ".a", "a b", strings.Repeat("a", 64)} {
		if gather.CheckName(name) == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestArgumentsNameSources(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"My Notes/a.md": "A", "pages.txt": "https://example.com/a\n", "a.md": "# A\n"})
	for _, tc := range []struct {
		arg, name string
		want      docs.Source
	}{
		{filepath.Join(dir, "My Notes"), "", docs.Source{Name: "my-notes", Kind: gather.KindTree, Origin: filepath.Join(dir, "My Notes")}},
		{dir + "/My Notes/", "n", docs.Source{Name: "n", Kind: gather.KindTree, Origin: filepath.Join(dir, "My Notes")}},
		{filepath.Join(dir, "pages.txt"), "", docs.Source{Name: "pages", Kind: gather.KindURLs, Origin: filepath.Join(dir, "pages.txt")}},
		{"https://Docs.example.com:8443/sitemap.xml.gz", "", docs.Source{Name: "docs.example.com-8443", Kind: gather.KindSitemap, Origin: "https://Docs.example.com:8443/sitemap.xml.gz"}},
		{filepath.Join(dir, "a.md"), "", docs.Source{}},
		{filepath.Join(dir, "absent"), "", docs.Source{}},
		{"https://example.com/page", "", docs.Source{}},
		{"http://example.com/sitemap.xml", "", docs.Source{}},
		{dir, "No Name", docs.Source{}},
	} {
		got, err := gather.Named(tc.arg, tc.name)
		if (err == nil) != (tc.want != docs.Source{}) || err == nil && got != tc.want {
			t.Errorf("%s: %+v, %v", tc.arg, got, err)
			continue
		}
		if err == nil {
			s, err := gather.Open(got, gather.Opening{Prefix: prefix})
			if err != nil {
				t.Error(err)
				continue
			}
			_ = s.Close()
		}
	}
	if _, err := gather.Open(docs.Source{Kind: "ftp"}, gather.Opening{}); err == nil {
		t.Error("a source of another kind is opened")
	}
}
