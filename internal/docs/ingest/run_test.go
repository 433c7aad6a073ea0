package ingest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"doorward/internal/docs"
	"doorward/internal/docs/gather"
	"doorward/internal/docs/ingest"
)

func TestOnlyWhatIsDifferentIsBroughtIn(t *testing.T) {
	p := newPlace(t)
	p.write(map[string]string{"a.md": "# A\n\nfirst", "b.md": "# B\n\nsecond", "c.bin": "\x00"})
	counts := func(r ingest.Report) ingest.Report {
		return ingest.Report{New: r.New, Changed: r.Changed, Unchanged: r.Unchanged, Removed: r.Removed, Skipped: r.Skipped, Passages: r.Passages}
	}
	same := func(got, want ingest.Report) {
		t.Helper()
		if diff := cmp.Diff(want, counts(got)); diff != "" {
			t.Error(diff)
		}
	}
	same(p.run("one"), ingest.Report{New: 2, Skipped: 1, Passages: 2})
	asked := p.model.texts.Load()
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(p.dir, "a.md"), later, later); err != nil {
		t.Fatal(err)
	}
	same(p.run("one"), ingest.Report{Unchanged: 2, Skipped: 1})
	if n := p.model.texts.Load() - asked; n != 1 {
		t.Errorf("%d texts were embedded though nothing but a time changed: one is asked before", n)
	}
	p.write(map[string]string{"a.md": "# A\n\nthird", "b.md": "", "d.md": "# D\n\nfourth"})
	same(p.run("one"), ingest.Report{New: 1, Changed: 1, Removed: 1, Skipped: 1, Passages: 2})
	if diff := cmp.Diff(map[string]string{"docs://up/one/a.md": "# A\n\nthird", "docs://up/one/d.md": "# D\n\nfourth"}, p.holds()); diff != "" {
		t.Error(diff)
	}
}

func TestASourceThatGivesNothingKeepsWhatItGave(t *testing.T) {
	p := newPlace(t)
	p.many(2)
	p.run("one")
	p.write(map[string]string{"00.md": "", "01.md": ""})
	if _, err := p.job.Run(t.Context(), p.from("one")); !errors.Is(err, ingest.ErrNothing) {
		t.Errorf("nothing at all: %v", err)
	}
	if n := len(p.holds()); n != 2 {
		t.Errorf("%d documents are left", n)
	}
}

// cut ends a walk in the middle.
type cut struct{ gather.Source }

func (c cut) Walk(ctx context.Context, v gather.Visit) error {
	n := 0
	return c.Source.Walk(ctx, gather.Visit{Skipped: v.Skipped, Unread: v.Unread, Found: func(f gather.Found) error {
		if n++; n > 2 {
			return errors.New("the listing broke off")
		}
		return v.Found(f)
	}})
}

func TestASourceThatCannotBeListedLosesNothing(t *testing.T) {
	p := newPlace(t)
	p.many(5)
	p.run("one")
	if err := os.WriteFile(filepath.Join(filepath.Dir(p.dir), "two", "a.md"), []byte("# A\n\ntext"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := p.from("one", "two")
	from[0].Documents = cut{from[0].Documents}
	r, err := p.job.Run(t.Context(), from)
	if err == nil || r.Finished || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("finished %v, %v", r.Finished, err)
	}
	if n := len(p.holds()); n != 6 {
		t.Errorf("%d documents, want the five of before and the one of the other source", n)
	}
}

// unreadable gives documents that cannot be read this once.
type unreadable struct{ gather.Source }

func (u unreadable) Walk(ctx context.Context, v gather.Visit) error {
	return u.Source.Walk(ctx, gather.Visit{Skipped: v.Skipped, Unread: v.Unread, Found: func(f gather.Found) error {
		if f.Name == "00.md" {
			f.Open = func(context.Context) (gather.Content, error) { return gather.Content{}, errors.New("it is slow today") }
		}
		return v.Found(f)
	}})
}

// odd has its documents under a name and an origin that no index keeps.
type odd struct {
	gather.Source
	name, origin string
}

func (o odd) Walk(ctx context.Context, v gather.Visit) error {
	return o.Source.Walk(ctx, gather.Visit{Skipped: v.Skipped, Unread: v.Unread, Found: func(f gather.Found) error {
		if f.Name == "00.txt" {
			f.Name, f.Origin = o.name, f.Origin+o.origin
		}
		return v.Found(f)
	}})
}

// A fault of one document is that one's alone.
func TestOneDocumentEndsNoRun(t *testing.T) {
	for name, tc := range map[string]struct {
		name, origin string
		kept         int
	}{
		"a name that is no UTF-8": {"\xff\x00\n.txt", "", 2},
		"a name that is long":     {strings.Repeat("é", 400) + ".txt", "", 2},
		"an origin with a NUL":    {"00.txt", "\x00", 1},
		"an origin that is long":  {"00.txt", strings.Repeat("x", docs.MaxURI), 1},
	} {
		p := newPlace(t)
		p.write(map[string]string{"00.txt": "text", "01.txt": "text"})
		from := p.from("one")
		from[0].Documents = odd{from[0].Documents, tc.name, tc.origin}
		r, err := p.job.Run(t.Context(), from)
		if err != nil || !r.Finished || len(p.uris()) != tc.kept || r.Skipped != 2-tc.kept {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// led has each page lead to another one.
type led struct {
	gather.Source
	to string
}

func (l led) Walk(ctx context.Context, v gather.Visit) error {
	return l.Source.Walk(ctx, gather.Visit{Skipped: v.Skipped, Unread: v.Unread, Found: func(f gather.Found) error {
		open := f.Open
		f.Open = func(ctx context.Context) (gather.Content, error) {
			c, err := open(ctx)
			c.URI = l.to
			return c, err
		}
		return v.Found(f)
	}})
}

// A page that leads to one which others may read is in the index for nobody.
func TestRedirectsGoRoundNoAccessRule(t *testing.T) {
	p := newPlace(t)
	p.many(1)
	p.job.Access = func(uri string) []string {
		if strings.Contains(uri, "/internal/") {
			return []string{"staff"}
		}
		return nil
	}
	for to, want := range map[string]int{"docs://up/one/internal/a": 0, "docs://up/one/public/a": 1} {
		from := p.from("one")
		from[0].Documents = led{from[0].Documents, to}
		r, err := p.job.Run(t.Context(), from)
		if err != nil || r.Skipped != 1-want || len(p.uris()) != want {
			t.Errorf("led to %s: %+v, %v", to, r, err)
		}
	}
}

func TestWhatCannotBeReadStaysUnlessRulesChange(t *testing.T) {
	p := newPlace(t)
	p.many(2)
	p.run("one")
	from := p.from("one")
	from[0].Documents = unreadable{from[0].Documents}
	r, err := p.job.Run(t.Context(), from)
	if err != nil || r.Unread != 1 || r.Removed != 0 || len(p.holds()) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	p.job.Wanted.Access = [32]byte{2}
	r, err = p.job.Run(t.Context(), from)
	if err != nil || r.Unread != 1 || r.Removed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"one/01.md"}, p.uris()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsBlockedIsNotKept(t *testing.T) {
	p := newPlace(t)
	p.write(map[string]string{"a.md": "# A\n\nfine", "b.md": "# B\n\nBLOCK this", "c.html": "<p>C MARK</p><p hidden>more than is to be seen of it</p>"})
	r := p.run("one")
	want := []ingest.Note{
		{Source: "one", Origin: "b.md", What: "blocked", Why: "a.rule"},
		{Source: "one", Origin: "c.html", What: "marked", Why: "a.rule, html.hidden"},
	}
	if diff := cmp.Diff(want, r.Notes, cmpopts.SortSlices(func(a, b ingest.Note) bool { return a.Origin < b.Origin })); diff != "" {
		t.Error(diff)
	}
	p.write(map[string]string{"a.md": "# A\n\nBLOCK now"})
	if r = p.run("one"); r.Blocked != 2 || r.Removed != 1 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{"one/c.html"}, p.uris()); diff != "" {
		t.Error(diff)
	}
	p.job.Inspect = func(context.Context, string) (ingest.Verdict, error) {
		return ingest.Verdict{}, errors.New("no detector")
	}
	p.write(map[string]string{"d.md": "# D\n\nnew"})
	if _, err := p.job.Run(t.Context(), p.from("one")); err == nil || len(p.uris()) != 1 {
		t.Errorf("without a detector: %v, %v", err, p.uris())
	}
}

func TestSourcesAreTakenOut(t *testing.T) {
	p := newPlace(t)
	p.many(3)
	if err := os.WriteFile(filepath.Join(filepath.Dir(p.dir), "two", "a.md"), []byte("# A\n\ntext"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run("one")
	p.run("two")
	state, err := p.index.State(t.Context())
	if err != nil || len(state.Made.Sources) != 2 {
		t.Fatalf("%+v, %v", state, err)
	}
	if n, left, err := ingest.Remove(t.Context(), p.index, "one"); err != nil || left != nil || n != 3 {
		t.Errorf("%d documents, %v", n, err)
	}
	if _, _, err := ingest.Remove(t.Context(), p.index, "one"); !errors.Is(err, ingest.ErrNoSource) {
		t.Errorf("once more: %v", err)
	}
	if diff := cmp.Diff([]string{"two/a.md"}, p.uris()); diff != "" {
		t.Error(diff)
	}
	if state, err = p.index.State(t.Context()); err != nil || len(state.Made.Sources) != 1 {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestOneWriterIsLetIn(t *testing.T) {
	p := newPlace(t)
	p.many(1)
	p.run("one")
	w, err := p.index.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if _, err := p.job.Run(t.Context(), p.from("one")); !errors.Is(err, docs.ErrBusy) {
		t.Errorf("beside another: %v", err)
	}
}

// TestPDF has a manual, and a page that says more to programs than to its readers.
func TestPDF(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"manual.pdf", "hidden.pdf"} {
		raw, err := os.ReadFile(filepath.Join("..", "pdf", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		p.write(map[string]string{name: string(raw)})
	}
	r := p.run("one")
	// MARK stands in the outline alone: detectors look at that as well.
	if diff := cmp.Diff([]ingest.Note{{Source: "one", Origin: "hidden.pdf", What: "marked", Why: "a.rule, pdf.hidden"}}, r.Notes); diff != "" || r.New != 2 {
		t.Errorf("%+v, %s", r, diff)
	}
	held := p.holds()
	if text := held["docs://up/one/hidden.pdf"]; !strings.Contains(text, "closed on Sundays") || strings.Contains(text, "free") {
		t.Errorf("%q", text)
	}
	state, err := p.index.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, passages, err := p.index.Read(t.Context(), state.Generation, "docs://up/one/manual.pdf", []string{"reader"})
	if err != nil || d.Title != "A manual of doors" || d.Type != "text/plain" {
		t.Fatalf("%+v, %v", d, err)
	}
	var headings []string
	for _, passage := range passages {
		headings = append(headings, passage.Heading)
	}
	if diff := cmp.Diff([]string{"Hinges > page 1", "Locks > Bolts > page 2"}, headings); diff != "" {
		t.Error(diff)
	}
	p.job.Inspect = func(_ context.Context, text string) (ingest.Verdict, error) {
		return ingest.Verdict{Block: strings.Contains(text, "the words of an outline")}, nil
	}
	if r = p.run("one"); r.Blocked != 1 || r.Unchanged != 1 {
		t.Errorf("what the outline says is not blocked: %+v", r)
	}
}
