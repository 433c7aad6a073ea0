package lock_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// A record of what drifted that cannot be read keeps the gateway from starting, and
// the error says what to do.
func TestBrokenRecordIsNotForgotten(t *testing.T) {
	good, bad := item(t, gate.Tool, "a", `{"name":"a"}`), item(t, gate.Tool, "a", `{"name":"a","x":1}`)
	dir := t.TempDir()
	c := lock.Config{Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json")}
	p := flapped(t, c, good, bad)
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	whole := contents(t, c.Observed)
	entry := whole[strings.Index(whole, `{"upstream"`):strings.Index(whole, "\n], ")]
	for what, text := range map[string]string{
		"empty": "", "no JSON": "{broken", "cut short": whole[:len(whole)/2], "more": whole + "{}", "another version": strings.Replace(whole, "1", "2", 1),
		"an unknown list": strings.Replace(whole, `"drifted"`, `"drift"`, 1), "a definition among what drifted": strings.Replace(whole, entry, entry[:len(entry)-1]+`, "definition": {}}`, 1),
		"no kind": strings.Replace(whole, `"tools"`, `"tool"`, 1), "no approval": strings.Replace(whole, `, "approved_at"`, `, "at"`, 1),
		"what is not so": strings.Replace(whole, entry, entry[:len(entry)-1]+`, "stranger": false}`, 1),
		"no definition":  strings.Replace(whole, `"definition": `, `"seen": 1, "sighted": `, 1),
	} {
		t.Run(what, func(t *testing.T) {
			if text == whole {
				t.Fatal("nothing is broken")
			}
			if err := os.WriteFile(c.Observed, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := lock.Open(c)
			if err == nil || !strings.Contains(err.Error(), c.Observed) || !strings.Contains(err.Error(), "doorward trust verify") {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := os.WriteFile(c.Observed, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := state(open(t, c), good); got != gate.Changed {
		t.Errorf("restored, it is %v", got)
	}
	// A file of an older program says it with the definition alone.
	older := strings.Replace(whole, `"drifted": [`+"\n"+entry+"\n], ", "", 1)
	if older == whole {
		t.Fatal("the list is still there")
	}
	if err := os.WriteFile(c.Observed, []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := state(open(t, c), good); got != gate.Changed {
		t.Errorf("from an older file, it is %v", got)
	}
}

// A record without room for what an item drifted to keeps that it did, and tells it.
func TestFullRecordKeepsDrift(t *testing.T) {
	good := item(t, gate.Tool, "a", `{"name":"a"}`)
	bad := item(t, gate.Tool, "a", `{"name":"a","x":1}`)
	dir := t.TempDir()
	told := 0
	c := lock.Config{
		Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json"),
		Changed: func(*gate.Item, gate.Digest) { told++ },
	}
	p := open(t, c)
	p.Observe([]gate.Item{good})
	if _, err := p.Approve([]lock.Ref{ref(good)}, "me"); err != nil {
		t.Fatal(err)
	}
	flood := make([]gate.Item, 50_000)
	one := item(t, gate.Tool, "", `{}`)
	for i := range flood {
		flood[i] = one
		flood[i].Upstream, flood[i].Name = "flood", strconv.Itoa(i)
	}
	p.Observe(flood)
	for range 3 {
		p.Observe([]gate.Item{bad})
		p.Observe([]gate.Item{good})
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	again := open(t, c)
	for _, p := range []*lock.Pins{p, again} {
		if got := state(p, good); got != gate.Changed {
			t.Errorf("it is %v", got)
		}
		if e := only(t, p, good); e.State != gate.Changed {
			t.Errorf("for review: %+v", e)
		}
	}
	if n, err := again.Approve([]lock.Ref{ref(good)}, "me"); n != 1 || err != nil {
		t.Errorf("deciding: %d, %v", n, err)
	}
}
