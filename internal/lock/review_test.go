package lock_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

func TestDiff(t *testing.T) {
	before := `{"name":"a","description":"one","n":12345678901234567890,"gone":null,"inputSchema":{"properties":{"a/b":{"enum":["x","y"]}}}}`
	p, path := approved(t, item(t, gate.Tool, "a", before))
	after := item(t, gate.Tool, "a", "{\"name\":\"a\",\"description\":\"one\u200b\",\"n\":12345678901234567891,\"inputSchema\":{\"properties\":{\"a/b\":{\"enum\":[\"x\",\"z\",{\"q\":1}]}}},\"annotations\":{\"readOnlyHint\":true}}")
	p.Observe([]gate.Item{after})
	list := p.List(lock.Filter{States: []gate.PinState{gate.Changed}})
	if len(list) != 1 || list[0].Digest != after.Digest || list[0].PinnedDigest != digest(t, gate.Tool, before) || list[0].By != "first use" {
		t.Fatalf("got %+v", list)
	}
	got, err := p.Diff(list[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []lock.Line{
		{Pointer: "/annotations", After: `{"readOnlyHint":true}`},
		{Pointer: "/description", Before: `"one"`, After: `"one⟨U+200B⟩"`},
		{Pointer: "/gone", Before: "null"},
		{Pointer: "/inputSchema/properties/a~1b/enum/1", Before: `"y"`, After: `"z"`},
		{Pointer: "/inputSchema/properties/a~1b/enum/2", After: `{"q":1}`},
		{Pointer: "/n", Before: "12345678901234567890", After: "12345678901234567891"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	pinned, offered := p.Show("files", gate.Tool, "a")
	if !strings.Contains(string(pinned), `"description": "one"`) || !strings.Contains(string(offered), `"description": "one\u200b"`) {
		t.Errorf("Show gives %s and %s", pinned, offered)
	}
	stale := list[0]
	stale.Digest = gate.Digest{9}
	if _, err := p.Diff(stale); !errors.Is(err, lock.ErrConflict) {
		t.Errorf("got %v", err)
	}
	p.Observe([]gate.Item{item(t, gate.Tool, "a", before)})
	if l := open(t, lock.Config{Path: path}).List(lock.Filter{}); len(l) != 1 || l[0].State != gate.Approved {
		t.Errorf("after a revert: %+v", l)
	}
}

func TestDiffOfSomethingNew(t *testing.T) {
	p := open(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock")})
	p.Observe([]gate.Item{item(t, gate.Tool, "a", `{"name":"a","x":{}}`), item(t, gate.Instructions, "", `"hello"`)})
	var got []lock.Line
	for _, e := range p.List(lock.Filter{Upstream: "files"}) {
		lines, err := p.Diff(e)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, lines...)
	}
	want := []lock.Line{{After: `"hello"`}, {Pointer: "/name", After: `"a"`}, {Pointer: "/x", After: "{}"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerify(t *testing.T) {
	a, b, c := item(t, gate.Tool, "a", `{"n":1}`), item(t, gate.Tool, "b", `{"n":1}`), item(t, gate.Tool, "c", `{"n":1}`)
	p, _ := approved(t, a, b, c, item(t, gate.Instructions, "", `"hi"`))
	if d := p.Verify([]gate.Item{a, b, c}); len(d) != 0 {
		t.Errorf("got %+v", d)
	}
	got := map[string]string{}
	for _, d := range p.Verify([]gate.Item{a, item(t, gate.Tool, "b", `{"n":2}`), item(t, gate.Tool, "new", `{}`)}) {
		got[d.Name] = d.State.String()
		if d.Missing {
			got[d.Name] = "missing"
		}
	}
	if diff := cmp.Diff(map[string]string{"b": "changed", "c": "missing", "new": "held"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReapproveWhatWasRejected(t *testing.T) {
	a := item(t, gate.Tool, "a", `{"n":1}`)
	p, _ := approved(t, a)
	if n, err := p.Reject([]lock.Ref{ref(a)}, "me"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := p.Reject([]lock.Ref{ref(a)}, "me"); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := p.Approve([]lock.Ref{ref(a)}, "me"); n != 1 || err != nil || state(p, a) != gate.Approved {
		t.Fatal(n, err, state(p, a))
	}
}
