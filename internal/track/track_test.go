package track_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/flow"
	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/track"
)

var (
	_ gate.Stage      = track.Carry{}
	_ gate.Stage      = track.Judge{}
	_ gate.ReplyStage = (*track.Tracker)(nil)
)

// memory keeps taints in a map, or fails.
type memory struct {
	kept  map[string][]gate.Taint
	since time.Time
	err   error
	adds  int
}

func (m *memory) Look(_ context.Context, conversation string, _ []string) ([]gate.Taint, time.Time, error) {
	var out []gate.Taint
	for _, a := range m.kept[conversation] {
		if time.Now().Before(a.Until) {
			out = append(out, a)
		}
	}
	return out, m.since, m.err
}

func (m *memory) Add(_ context.Context, conversation string, list []gate.Taint) error {
	if m.err != nil {
		return m.err
	}
	m.adds++
	for _, a := range list {
		m.kept[conversation] = slices.DeleteFunc(m.kept[conversation], func(b gate.Taint) bool { return b.Label == a.Label })
		m.kept[conversation] = append(m.kept[conversation], a)
	}
	return nil
}

// keep is how long the tests' trackers remember.
const keep = 16 * time.Minute

func tracker(t *testing.T, m *memory, rules ...flow.Rule) *track.Tracker {
	t.Helper()
	compiled, err := flow.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	table, err := flow.NewTable(map[string]map[string][]string{"up": {
		"secret": {"private"}, "page": {"untrusted"}, "send": {"leaves"}, "shell": {"untrusted", "leaves", "acts"}, "clock": {},
	}})
	if err != nil {
		t.Fatal(err)
	}
	terms := make([]gate.Terms, len(rules))
	for i := range terms {
		terms[i] = gate.Terms{Roles: []string{"lead"}, Count: i + 1, Expires: time.Hour}
	}
	tr, err := track.New(track.Config{Rules: compiled, Terms: terms, Labels: table.Labels, Memory: m, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func exchange(method, who, tool string) *gate.Exchange {
	route, _ := mcp.Lookup(method)
	ex := &gate.Exchange{ID: "x-" + tool, Principal: &gate.Principal{Realm: gate.RealmKeys, Subject: who}}
	ex.Call.Route = route
	ex.Target.Item = &gate.Item{Kind: gate.Tool, Upstream: "up", Name: tool}
	return ex
}

// call makes one call as the line does, and tells what became of it: "pass",
// "held", or a code. Only what passes is answered.
func call(t *testing.T, tr *track.Tracker, who, tool string) (string, *gate.Exchange) {
	t.Helper()
	ex := exchange("tools/call", who, tool)
	for _, stage := range []gate.Stage{tr.Carry(), tr.Judge()} {
		v, err := stage.Judge(t.Context(), ex)
		if err != nil {
			return string(gate.CodeOf(err)), ex
		}
		if v.Effect != gate.Continue {
			return string(v.Code), ex
		}
	}
	if ex.Flow.Terms != nil {
		return "held", ex
	}
	_, v, err := tr.Review(t.Context(), ex, &gate.Message{Kind: gate.Result})
	switch {
	case err != nil:
		return string(gate.CodeOf(err)), ex
	case v.Effect != gate.Continue:
		return string(v.Code), ex
	}
	return "pass", ex
}

func trifecta(then flow.Action) flow.Rule {
	return flow.Rule{From: flow.Private | flow.Untrusted, To: flow.Leaves, Then: then}
}

// TestConversations: what one principal read, it read with every session (POL-54).
func TestConversations(t *testing.T) {
	type step struct{ who, tool, want string }
	for name, tc := range map[string]struct {
		rule  flow.Rule
		steps []step
	}{
		"blocked": {trifecta(flow.Block), []step{
			{"alice", "send", "pass"},
			{"alice", "page", "pass"},
			{"alice", "send", "pass"},
			{"alice", "secret", "pass"},
			{"alice", "send", "flow.blocked"},
			{"alice", "clock", "pass"},
			{"alice", "secret", "pass"},
			{"alice", "send", "flow.blocked"},
		}},
		"held":              {trifecta(flow.Hold), []step{{"alice", "secret", "pass"}, {"alice", "page", "pass"}, {"alice", "send", "held"}}},
		"another principal": {trifecta(flow.Block), []step{{"alice", "secret", "pass"}, {"alice", "page", "pass"}, {"bob", "send", "pass"}, {"bob", "page", "pass"}, {"bob", "send", "pass"}}},
		"one that is both": {flow.Rule{From: flow.Untrusted, To: flow.Acts, Then: flow.Hold}, []step{
			{"alice", "shell", "pass"}, {"alice", "shell", "held"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := tracker(t, &memory{kept: map[string][]gate.Taint{}}, tc.rule)
			for i, s := range tc.steps {
				if got, _ := call(t, tr, s.who, s.tool); got != s.want {
					t.Errorf("step %d: %s calls %s: %s, want %s", i, s.who, s.tool, got, s.want)
				}
			}
		})
	}
}

func TestHeldCallSaysWhy(t *testing.T) {
	tr := tracker(t, &memory{kept: map[string][]gate.Taint{}}, trifecta(flow.Hold))
	call(t, tr, "alice", "secret")
	call(t, tr, "alice", "page")
	_, ex := call(t, tr, "alice", "send")
	f := ex.Flow
	if f.Rule != "trust.flows[0]: private, untrusted → leaves" || f.Terms == nil || f.Terms.Count != 1 || !slices.Equal(f.Terms.Roles, []string{"lead"}) {
		t.Errorf("held by %+v", f)
	}
	for _, part := range []string{"rivate data came from up/secret at ", "ext that others may have written came from up/page at "} {
		if !strings.Contains(f.Why, part) {
			t.Errorf("%q does not say %q", f.Why, part)
		}
	}
}

// Only calls are stopped: who asks for the outcome of a task does nothing anew.
func TestOnlyCallsAreStopped(t *testing.T) {
	m := &memory{kept: map[string][]gate.Taint{}}
	tr := tracker(t, m, trifecta(flow.Block))
	call(t, tr, "alice", "secret")
	call(t, tr, "alice", "page")
	for method, want := range map[string]gate.Effect{"tools/call": gate.Deny, "tasks/result": gate.Continue, "tasks/get": gate.Continue} {
		ex := exchange(method, "alice", "send")
		if _, err := tr.Carry().Judge(t.Context(), ex); err != nil {
			t.Fatal(err)
		}
		if v, err := tr.Judge().Judge(t.Context(), ex); err != nil || v.Effect != want {
			t.Errorf("%s: %+v, %v", method, v, err)
		}
	}
}

// Taint lasts its time from the last reading on, and is written once in a while.
func TestTaintEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{kept: map[string][]gate.Taint{}}
		tr := tracker(t, m, trifecta(flow.Block))
		call(t, tr, "alice", "secret")
		for range 3 {
			call(t, tr, "alice", "page")
		}
		if m.adds != 2 {
			t.Errorf("%d writes of two labels", m.adds)
		}
		time.Sleep(keep / 2)
		call(t, tr, "alice", "page")
		call(t, tr, "alice", "secret")
		if m.adds != 4 {
			t.Errorf("%d writes, of two labels twice", m.adds)
		}
		time.Sleep(keep - time.Second)
		if got, _ := call(t, tr, "alice", "send"); got != "flow.blocked" {
			t.Errorf("before its end: %s", got)
		}
		time.Sleep(time.Second)
		if got, _ := call(t, tr, "alice", "send"); got != "pass" {
			t.Errorf("after its end: %s", got)
		}
	})
}

// A memory that has begun anew cannot say that nothing was read.
func TestForgottenTaintCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := tracker(t, &memory{kept: map[string][]gate.Taint{}, since: time.Now()}, trifecta(flow.Hold))
		got, ex := call(t, tr, "alice", "send")
		if got != "held" || !strings.Contains(ex.Flow.Why, "forgotten") {
			t.Errorf("%s: %q", got, ex.Flow.Why)
		}
		time.Sleep(keep)
		if got, _ := call(t, tr, "alice", "send"); got != "pass" {
			t.Errorf("once it would have ended: %s", got)
		}
	})
}

// TestFailsClosed: what cannot be known or kept refuses.
func TestFailsClosed(t *testing.T) {
	m := &memory{kept: map[string][]gate.Taint{}, err: errors.New("the store is down")}
	tr := tracker(t, m, trifecta(flow.Hold))
	for _, tool := range []string{"send", "secret"} {
		if got, _ := call(t, tr, "alice", tool); got != "flow.unavailable" {
			t.Errorf("%s without a memory: %s", tool, got)
		}
	}
	if got, _ := call(t, tr, "alice", "clock"); got != "pass" {
		t.Errorf("what no rule is about: %s", got)
	}
	m.err = nil
	ex := exchange("tools/call", "alice", "secret")
	if _, err := tr.Carry().Judge(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	m.err = errors.New("the store is down")
	if _, _, err := tr.Review(t.Context(), ex, &gate.Message{Kind: gate.Notification}); gate.CodeOf(err) != gate.CodeFlowDown {
		t.Errorf("a result that leaves no trace: %v", err)
	}
	unseen := exchange("tools/call", "alice", "send")
	if _, err := tr.Judge().Judge(t.Context(), unseen); err == nil {
		t.Error("a call that nobody has looked at passes")
	}
	if _, _, err := tr.Review(t.Context(), unseen, &gate.Message{}); err == nil {
		t.Error("an answer that nobody has looked at passes")
	}
	unseen.Principal = nil
	if v, err := tr.Carry().Judge(t.Context(), unseen); err != nil || v.Code != gate.CodeUnauthenticated {
		t.Errorf("nobody: %+v, %v", v, err)
	}
	if _, err := track.New(track.Config{}); err == nil {
		t.Error("a tracker of nothing")
	}
}

func BenchmarkCall(b *testing.B) {
	rules, err := flow.Compile(flow.Default())
	if err != nil {
		b.Fatal(err)
	}
	tr, err := track.New(track.Config{Rules: rules, Terms: make([]gate.Terms, rules.Len()), Labels: flow.Propose, Memory: &memory{kept: map[string][]gate.Taint{}}, Keep: keep})
	if err != nil {
		b.Fatal(err)
	}
	ex := exchange("tools/call", "alice", "read_file")
	ex.Target.Item.Digest[0] = 1
	for b.Loop() {
		ex.Flow = gate.Flow{}
		if _, err := tr.Carry().Judge(b.Context(), ex); err != nil {
			b.Fatal(err)
		}
		if _, err := tr.Judge().Judge(b.Context(), ex); err != nil {
			b.Fatal(err)
		}
		if _, _, err := tr.Review(b.Context(), ex, nil); err != nil {
			b.Fatal(err)
		}
	}
}
