package upstream_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// offered makes n tools of an upstream, each of at least size bytes.
func offered(up string, n, size int) []gate.Item {
	all := make([]gate.Item, 0, n)
	for i := range n {
		name := fmt.Sprintf("t%05d", i)
		raw := fmt.Appendf(nil, `{"name":%q,"description":"%s","inputSchema":{"type":"object"}}`, name, strings.Repeat("x", size))
		all = append(all, gate.Item{Kind: gate.Tool, Upstream: up, Name: name, Shown: up + "__" + name, Raw: raw, State: gate.Approved})
	}
	return all
}

// listing is a client's list request, as the stages leave it. cursor is JSON,
// or empty.
func listing(t *testing.T, method, cursor string, items []gate.Item) *gate.Exchange {
	t.Helper()
	params := ""
	if cursor != "" {
		params = `"cursor":` + cursor + ","
	}
	ex := exchange(t, nil, "", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s%s}}`, method, params, meta))
	ex.Target = gate.Target{Items: items}
	return ex
}

// page is a list result.
type page struct {
	shown  []string
	cursor string
	bytes  int
	meta   map[string]json.RawMessage
}

func pageOf(t *testing.T, m *gate.Message) page {
	t.Helper()
	var r struct {
		Tools             []struct{ Name string }
		Resources         []struct{ URI string }
		ResourceTemplates []struct{ URITemplate string }
		NextCursor        string
		Meta              map[string]json.RawMessage `json:"_meta"`
	}
	if err := json.Unmarshal(m.Bytes(m.Result), &r); err != nil {
		t.Fatal(err)
	}
	p := page{cursor: r.NextCursor, bytes: len(m.Raw), meta: r.Meta}
	for _, x := range r.Tools {
		p.shown = append(p.shown, x.Name)
	}
	for _, x := range r.Resources {
		p.shown = append(p.shown, x.URI)
	}
	for _, x := range r.ResourceTemplates {
		p.shown = append(p.shown, x.URITemplate)
	}
	return p
}

func quoted(s string) string { return `"` + s + `"` }

// ask makes one list request, which must be answered.
func ask(t *testing.T, p *upstream.Pool, ex *gate.Exchange) page {
	t.Helper()
	got, err := forward(t, p, ex)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	return pageOf(t, got[0])
}

// follow reads a list to its end.
func follow(t *testing.T, p *upstream.Pool, method string, items []gate.Item) (all []string, pages []page) {
	t.Helper()
	for cursor := ""; ; {
		got := ask(t, p, listing(t, method, cursor, items))
		all, pages = append(all, got.shown...), append(pages, got)
		if got.cursor == "" {
			return all, pages
		}
		if len(pages) > 100 {
			t.Fatal("the list does not end")
		}
		cursor = quoted(got.cursor)
	}
}

func shownNames(items []gate.Item) (all []string) {
	for i := range items {
		all = append(all, items[i].Shown)
	}
	return all
}

func TestPagesOfAList(t *testing.T) {
	p := newPool(t, upstream.Config{})
	const mib = 1 << 20
	for _, tc := range []struct {
		name  string
		items []gate.Item
		sizes []int // items of each page
	}{
		{"nothing", nil, []int{0}},
		{"one page, full", offered("a", 1000, 1), []int{1000}},
		{"one more", offered("a", 1001, 1), []int{1000, 1}},
		{"of two upstreams", slices.Concat(offered("a", 700, 1), offered("b", 1400, 1)), []int{1000, 1000, 100}},
		{"large definitions", offered("a", 9, mib), []int{3, 3, 3}},
		{"a definition larger than a page", slices.Concat(offered("a", 1, 1), offered("b", 2, 5*mib)), []int{1, 1, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all, pages := follow(t, p, "tools/list", tc.items)
			if !slices.Equal(all, shownNames(tc.items)) {
				t.Errorf("%d names, want each of %d once, in order", len(all), len(tc.items))
			}
			var sizes []int
			for _, pg := range pages {
				sizes = append(sizes, len(pg.shown))
				if len(pg.shown) > 1 && pg.bytes > 4*mib+256*len(pg.shown) {
					t.Errorf("a page of %d bytes", pg.bytes)
				}
			}
			if !slices.Equal(sizes, tc.sizes) {
				t.Errorf("pages of %v, want %v", sizes, tc.sizes)
			}
		})
	}
}

// A cursor is good for whom it was given, there, for that list, for an hour,
// and as it was given.
func TestCursorsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, upstream.Config{StateKey: [32]byte{1}})
		items := offered("a", 1500, 1)
		cursor := ask(t, p, listing(t, "tools/list", "", items)).cursor
		flipped := []byte(cursor)
		if flipped[20]++; flipped[20] > 'z' || flipped[20] == ':' || flipped[20] == '[' {
			flipped[20] = 'Q'
		}
		sealed, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			name   string
			cursor string // JSON
			change func(*gate.Exchange)
			wait   time.Duration
		}{
			{name: "of another principal", cursor: quoted(cursor), change: func(ex *gate.Exchange) { ex.Principal = &gate.Principal{Method: "test", Subject: "other"} }},
			{name: "of another tenant", cursor: quoted(cursor), change: func(ex *gate.Exchange) { ex.Principal.Tenant = "other" }},
			{name: "of nobody", cursor: quoted(cursor), change: func(ex *gate.Exchange) { ex.Principal = nil }},
			{name: "of another profile", cursor: quoted(cursor), change: func(ex *gate.Exchange) { ex.Inbound.Profile = "other" }},
			{name: "of another list", cursor: quoted(cursor), change: func(ex *gate.Exchange) { ex.Call.Route, _ = mcp.Lookup("prompts/list") }},
			{name: "flipped", cursor: quoted(string(flipped))},
			{name: "truncated", cursor: quoted(cursor[:len(cursor)-1])},
			{name: "truncated to the nonce", cursor: quoted(cursor[:16])},
			{name: "extended", cursor: quoted(cursor + "A")},
			{name: "padded", cursor: quoted(cursor + "==")},
			{name: "with a line break", cursor: `"` + cursor[:10] + `\n` + cursor[10:] + `"`},
			{name: "in another alphabet", cursor: quoted(base64.RawStdEncoding.EncodeToString(append(sealed, 0xff, 0xff, 0xff)))},
			{name: "empty", cursor: `""`},
			{name: "made up", cursor: `"2"`},
			{name: "huge", cursor: quoted(strings.Repeat("A", 1<<20))},
			{name: "a number", cursor: `1`},
			{name: "null", cursor: `null`},
			{name: "an object", cursor: `{}`},
			{name: "old", cursor: quoted(cursor), wait: time.Hour + time.Second},
		} {
			ex := listing(t, "tools/list", tc.cursor, items)
			if tc.change != nil {
				tc.change(ex)
			}
			time.Sleep(tc.wait)
			got, err := forward(t, p, ex)
			if e, ok := errors.AsType[*gate.Error](err); len(got) != 0 || !ok || e.Code != gate.CodeParams || !strings.Contains(e.Public, "cursor") {
				t.Errorf("%s: %d messages, %v", tc.name, len(got), err)
			}
		}
	})
}

// The key is the installation's: a cursor lives through a restart and is worth
// nothing elsewhere.
func TestCursorsOfAnotherInstallation(t *testing.T) {
	items := offered("a", 1001, 1)
	cursor := quoted(ask(t, newPool(t, upstream.Config{StateKey: [32]byte{1}}), listing(t, "tools/list", "", items)).cursor)
	if got := ask(t, newPool(t, upstream.Config{StateKey: [32]byte{1}}), listing(t, "tools/list", cursor, items)); len(got.shown) != 1 {
		t.Errorf("after a restart: %d items", len(got.shown))
	}
	_, err := forward(t, newPool(t, upstream.Config{StateKey: [32]byte{2}}), listing(t, "tools/list", cursor, items))
	wantCode(t, err, gate.CodeParams)
}

// A list that changes between two pages: nothing that was there all the time is
// skipped, and nothing is shown twice unless what stood last is gone.
func TestListsThatChangeBetweenPages(t *testing.T) {
	p := newPool(t, upstream.Config{})
	a, b, c := offered("a", 600, 1), offered("b", 600, 1), offered("c", 600, 1)
	all := slices.Concat(a, b, c)
	cursor := quoted(ask(t, p, listing(t, "tools/list", "", all)).cursor) // the page ended at b's t00399
	for _, tc := range []struct {
		name  string
		items []gate.Item
		first string
		n     int
	}{
		{"the same", all, "b__t00400", 800},
		{"what stood last is gone", slices.Concat(a, b[:399], b[400:], c), "b__t00400", 800},
		{"something before it is gone", slices.Concat(a[1:], b[5:], c), "b__t00400", 800},
		{"something new before it", slices.Concat(offered("Z", 50, 1), a, b, c), "b__t00400", 800},
		{"the upstream before it is away", slices.Concat(b, c), "b__t00400", 800},
		{"its own upstream is away", slices.Concat(a, c), "c__t00000", 600},
		{"its upstream has less", slices.Concat(a, b[:10], c), "c__t00000", 600},
		{"everything after it is gone", slices.Concat(a, b[:400]), "", 0},
		{"everything is gone", nil, "", 0},
	} {
		got := ask(t, p, listing(t, "tools/list", cursor, tc.items))
		first := ""
		if len(got.shown) > 0 {
			first = got.shown[0]
		}
		if first != tc.first || len(got.shown) != tc.n {
			t.Errorf("%s: %d items from %q, want %d from %q", tc.name, len(got.shown), first, tc.n, tc.first)
		}
	}
}

// A URI does not say whose it is: the list does, whatever the upstream says
// there itself. Every other byte stays.
func TestListsSayWhoseAResourceIs(t *testing.T) {
	p := newPool(t, upstream.Config{})
	for _, tc := range []struct{ raw, want string }{
		{`{"uri":"a:1", "size":1.0}`, `{"uri":"a:1", "size":1.0,"_meta":{"doorward/upstream":"own"}}`},
		{`{"uri":"a:1","_meta":{}}`, `{"uri":"a:1","_meta":{"doorward/upstream":"own"}}`},
		{`{"_meta":{"x/y": 1.0},"uri":"a:1"}`, `{"_meta":{"x/y": 1.0,"doorward/upstream":"own"},"uri":"a:1"}`},
		{`{"_meta":{"doorward/upstream":"bank","x":1},"uri":"a:1"}`, `{"_meta":{"doorward/upstream":"own","x":1},"uri":"a:1"}`},
		{`{"_meta":null,"uri":"a:1"}`, `{"_meta":{"doorward/upstream":"own"},"uri":"a:1"}`},
	} {
		for _, plain := range []bool{false, true} {
			ex := listing(t, "resources/list", "", []gate.Item{{Kind: gate.Resource, Upstream: "own", Name: "a:1", Shown: "a:1", Raw: []byte(tc.raw)}})
			ex.Target.Plain = plain
			got, err := forward(t, p, ex)
			if err != nil {
				t.Fatal(err)
			}
			want := tc.want
			if plain {
				want = tc.raw
			}
			if !strings.Contains(string(got[0].Raw), "["+want+"]") {
				t.Errorf("plain %v: got %s, want %s", plain, got[0].Raw, want)
			}
		}
		if ex := listing(t, "tools/list", "", offered("own", 1, 1)); len(ask(t, p, ex).shown) != 1 || string(ex.Target.Items[0].Raw) != string(offered("own", 1, 1)[0].Raw) {
			t.Error("a tool was changed")
		}
	}
}

// A list that was made without some upstreams says so, in either era.
func TestListsSayWhatIsMissing(t *testing.T) {
	p := newPool(t, upstream.Config{})
	for _, missing := range [][]string{nil, {"bank", "mail"}} {
		ex := listing(t, "tools/list", "", offered("a", 1, 1))
		ex.Target.Unavailable = missing
		var names []string
		if raw := ask(t, p, ex).meta["doorward/unavailable"]; raw != nil {
			if err := json.Unmarshal(raw, &names); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(names, missing) {
			t.Errorf("got %v, want %v", names, missing)
		}
	}
}

// FuzzCursor: whatever a client sends as a cursor is refused or leads to a
// place within the list, and never breaks the gateway.
func FuzzCursor(f *testing.F) {
	p, err := upstream.New(upstream.Config{Pins: approveAll(), Events: func(context.Context, gate.Event) error { return nil }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = p.Close(f.Context()) })
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("-_")
	items := offered("a", 3, 1)
	f.Fuzz(func(t *testing.T, cursor string) {
		text, err := json.Marshal(cursor)
		if err != nil {
			t.Fatal(err)
		}
		ex := listing(t, "tools/list", string(text), items)
		got, err := forward(t, p, ex)
		if gate.CodeOf(err) != gate.CodeParams || len(got) != 0 {
			t.Errorf("%q: %d messages, %v", cursor, len(got), err)
		}
	})
}
