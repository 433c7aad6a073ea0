package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
)

const spoken = "canary-41aa"

// logs is the text of every file of the gateway's audit log.
func (h *house) logs() []byte {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.AuditDir(), "*.jsonl"))
	if err != nil || len(files) == 0 {
		h.t.Fatalf("no log: %v", err)
	}
	var all []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

// What was called comes back whole over the local socket, and who opened it is on
// record before.
func TestCallsAreOpenedOnRecord(t *testing.T) {
	t.Parallel()
	for _, version := range eras {
		h := newHouse(t, version)
		arguments := `{"path":"` + spoken + ` <&>","n":12345678901234567890}`
		passed, refused := h.alice.Call("up__echo", arguments), h.alice.Call("up__delete_all", arguments)
		if !passed.OK() || refused.OK() {
			t.Fatalf("%s, %s", passed, refused)
		}
		if bytes.Contains(h.logs(), []byte(spoken)) {
			t.Error("the log holds arguments")
		}
		client, err := admin.Dial(t.Context(), filepath.Join(h.Dir, "data"))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		since := time.Now().Add(-time.Hour)
		list, err := client.Calls(t.Context(), "somebody else", admin.CallQuery{Since: since, Principal: "alice", Upstream: "up"})
		if err != nil || list.Cut || list.OtherKey != 0 {
			t.Fatalf("got %+v, %v", list, err)
		}
		seen := 0
		for _, c := range list.Calls {
			if c.Exchange != passed.Exchange && c.Exchange != refused.Exchange {
				continue
			}
			seen++
			who := c.Principal
			if string(c.Arguments) != arguments || !c.Kept || c.Method != "tools/call" || c.Kind != "tool" || c.Transport != "http" || c.Address == "" || c.Pin == "" {
				t.Errorf("%s: got %+v", version, c)
			}
			if !who.Whole || who.Subject != "alice" || who.Method != "api_key" || who.Realm != "api_key" || !slices.Equal(who.Roles, []string{"reader"}) {
				t.Errorf("%s: it was %+v", version, who)
			}
			if ok := c.Exchange == passed.Exchange; ok && (c.Status != "ok" || c.Name != "echo") || !ok && (c.Status != "refused" || c.Code != "policy.denied" || c.Name != "delete_all") {
				t.Errorf("%s: got %+v", version, c)
			}
		}
		if seen != 2 {
			t.Errorf("%s: %d of 2 calls in %+v", version, seen, list.Calls)
		}
		opened, key := 0, h.Records(audit.Query{Principal: "alice"})[0].Key.String()
		for _, r := range h.Records(audit.Query{Kind: audit.KindEvent}) {
			if r.Event != "audit.open" {
				continue
			}
			opened++
			if want := "calls since " + since.UTC().Format(time.RFC3339) + " upstream up principal " + key; !strings.HasPrefix(r.Actor, "uid:") || r.Detail != want || r.Status != "begun" {
				t.Errorf("%s: the event is %+v, want %q", version, r, want)
			}
		}
		if opened != 1 {
			t.Errorf("%s: %d events of opening", version, opened)
		}
	}
}

func TestCallsMatchTheQuery(t *testing.T) {
	t.Parallel()
	h := newHouse(t, eras[1])
	var ids []string
	for i := range 4 {
		r := h.bob.Call("up__get_weather", fmt.Sprintf(`{"n":%d}`, i))
		if !r.OK() {
			t.Fatal(r)
		}
		ids = append(ids, r.Exchange)
	}
	for _, tc := range []struct {
		name string
		q    admin.CallQuery
		want int
		cut  bool
	}{
		{"of one exchange", admin.CallQuery{Exchange: ids[2]}, 1, false},
		{"of nobody", admin.CallQuery{Principal: "nobody"}, 0, false},
		{"of another upstream", admin.CallQuery{Upstream: "other"}, 0, false},
		{"of the future", admin.CallQuery{Since: time.Now().Add(time.Hour)}, 0, false},
		{"of the past", admin.CallQuery{Until: time.Now().Add(-time.Hour)}, 0, false},
		{"a few", admin.CallQuery{Principal: "bob", Limit: 2}, 2, true},
		{"one of one", admin.CallQuery{Exchange: ids[0], Limit: 1}, 1, false},
	} {
		list, err := h.App.Calls(t.Context(), "test", tc.q)
		if err != nil || len(list.Calls) != tc.want || list.Cut != tc.cut {
			t.Errorf("%s: %d calls, cut %v, %v", tc.name, len(list.Calls), list.Cut, err)
		}
		for _, c := range list.Calls {
			if c.Status != "ok" {
				t.Errorf("%s: a call without its outcome: %+v", tc.name, c)
			}
		}
	}
}

// offline is a gateway on dir that does not serve, as the command line has it.
func offline(t *testing.T, dir, yaml string) *app.App {
	t.Helper()
	path := filepath.Join(dir, "doorward.yaml")
	if err := os.WriteFile(path, []byte("version: 1\ndata_dir: data\nupstreams: {}\n"+yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Path: path, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// What cannot be put on record is not opened.
func TestCallsAreNotOpenedOffRecord(t *testing.T) {
	t.Parallel()
	h := newHouse(t, eras[0])
	if r := h.alice.Call("up__echo", `{"path":"`+spoken+`"}`); !r.OK() {
		t.Fatal(r)
	}
	h.Stop()
	list, err := h.App.Calls(t.Context(), "test", admin.CallQuery{})
	if gate.CodeOf(err) != gate.CodeAudit || len(list.Calls) != 0 {
		t.Errorf("got %d calls, %v", len(list.Calls), err)
	}
	a := offline(t, h.Dir, "")
	if list, err := a.Calls(t.Context(), "test", admin.CallQuery{Principal: "alice"}); err != nil || len(list.Calls) == 0 {
		t.Errorf("with a log that can be written: got %d calls, %v", len(list.Calls), err)
	}
}

// A record of an earlier format, and arguments of another installation, are
// answered as what they are: not whole, not kept.
func TestCallsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t, eras[0])
	r := h.alice.Call("up__echo", `{}`)
	h.Stop()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(data, "audit-2"), 0o700), os.Mkdir(filepath.Join(data, "audit-3"), 0o700),
		copyFile(filepath.Join("..", "audit", "testdata", "format3", firstSegment), filepath.Join(data, "audit-2", firstSegment)),
		copyFile(filepath.Join(h.AuditDir(), firstSegment), filepath.Join(data, "audit-3", firstSegment)),
		copyFile(filepath.Join(h.Dir, "data", "audit.subjects"), filepath.Join(data, "audit-3.subjects")),
		os.WriteFile(filepath.Join(data, "audit-3.root"), bytes.Repeat([]byte{7}, 64), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a := offline(t, dir, "")
	list, err := a.Calls(t.Context(), "test", admin.CallQuery{Exchange: r.Exchange})
	if err != nil || len(list.Calls) != 1 || list.OtherKey != 1 || list.Calls[0].Kept || list.Calls[0].Arguments != nil || list.Calls[0].Principal.Whole {
		t.Errorf("sealed with another key: got %+v, %v", list, err)
	}
	list, err = a.Calls(t.Context(), "test", admin.CallQuery{Exchange: "x0"})
	if err != nil || len(list.Calls) != 1 || list.Calls[0].Kept || list.Calls[0].Principal.Whole || list.Calls[0].Principal.Subject != "alice" || list.Calls[0].Status != "ok" {
		t.Errorf("of format 3: got %+v, %v", list, err)
	}
}

// A record whose sealed arguments were exchanged for another's is an error, and
// gives none of them.
func TestCallsOfATamperedLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t, eras[0])
	one, two := h.alice.Call("up__echo", `{"n":1}`), h.alice.Call("up__echo", `{"n":2}`)
	h.Stop()
	sealed := map[string][]byte{}
	text, err := os.ReadFile(filepath.Join(h.AuditDir(), firstSegment))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if _, rest, ok := bytes.Cut(line, []byte(`"sealed":"`)); ok {
			for _, r := range []string{one.Exchange, two.Exchange} {
				if bytes.Contains(line, []byte(r)) {
					sealed[r], _, _ = bytes.Cut(rest, []byte(`"`))
				}
			}
		}
	}
	// In a log of another process: one that was changed is not gone on with.
	dir := t.TempDir()
	text = bytes.Replace(text, sealed[one.Exchange], sealed[two.Exchange], 1)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "data", "audit-2"), 0o700),
		copyFile(filepath.Join(h.Dir, "data", "audit.root"), filepath.Join(dir, "data", "audit-2.root")),
		copyFile(filepath.Join(h.Dir, "data", "audit.subjects"), filepath.Join(dir, "data", "audit-2.subjects")),
		os.WriteFile(filepath.Join(dir, "data", "audit-2", firstSegment), text, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a := offline(t, dir, "")
	if list, err := a.Calls(t.Context(), "test", admin.CallQuery{Principal: "alice"}); err == nil || len(list.Calls) != 0 || !strings.Contains(err.Error(), one.Exchange) {
		t.Errorf("got %+v, %v", list, err)
	}
}

// audit.arguments reaches the log.
func TestArgumentsOnRecordAreConfigured(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct{ digest, kept, readable bool }{
		"sealed": {true, true, false}, "hashed": {true, false, false}, "plain": {true, true, true}, "none": {},
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{loose("echo")}})
			h := &house{t: t, up: up, GW: gatetest.Gateway(t, houseRoles+"audit: {arguments: "+value+"}\n", map[string]*gatetest.UP{"up": up})}
			h.Approve("")
			h.alice = h.As("alice", "reader").Open(eras[1])
			r := h.alice.Call("up__echo", `{"path":"`+spoken+`"}`)
			if !r.OK() {
				t.Fatal(r)
			}
			if got := h.Records(audit.Query{Exchange: r.Exchange})[0].Arguments != [32]byte{}; got != want.digest {
				t.Errorf("a digest: %v", got)
			}
			if got := bytes.Contains(h.logs(), []byte(spoken)); got != want.readable {
				t.Errorf("the log holds the arguments: %v", got)
			}
			list, err := h.App.Calls(t.Context(), "test", admin.CallQuery{Exchange: r.Exchange})
			if err != nil || len(list.Calls) != 1 || list.Calls[0].Kept != want.kept || (list.Calls[0].Arguments != nil) != want.kept {
				t.Errorf("got %+v, %v", list, err)
			}
		})
	}
}

const firstSegment = "audit-00000001.jsonl"

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
