package flow_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

func rules(t *testing.T, list ...flow.Rule) *flow.Rules {
	t.Helper()
	r, err := flow.Compile(list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestJudge(t *testing.T) {
	both := flow.Private | flow.Untrusted
	r := rules(t,
		flow.Rule{From: both, To: flow.Leaves, Then: flow.Hold},
		flow.Rule{From: flow.Untrusted, To: flow.Acts, Then: flow.Hold},
		flow.Rule{From: both, To: flow.Acts, Then: flow.Block},
	)
	for _, tc := range []struct {
		taint, call flow.Labels
		want        flow.Action
		index       int
	}{
		{0, flow.Leaves | flow.Acts, flow.Pass, -1},
		{flow.Private, flow.Leaves | flow.Acts, flow.Pass, -1},
		{flow.Untrusted, flow.Leaves, flow.Pass, -1},
		{flow.Untrusted, flow.Acts, flow.Hold, 1},
		{both, flow.Leaves, flow.Hold, 0},
		{both, flow.Private, flow.Pass, -1},
		{both, 0, flow.Pass, -1},
		{both, flow.Leaves | flow.Acts, flow.Block, 2},
	} {
		t.Run(tc.taint.String()+" to "+tc.call.String(), func(t *testing.T) {
			if d := r.Judge(tc.taint, tc.call); d.Action != tc.want || d.Index != tc.index {
				t.Errorf("got %v by %d, want %v by %d", d.Action, d.Index, tc.want, tc.index)
			}
			if r.Judge(tc.taint, tc.call).Action != flow.Pass && !r.Concern(tc.call) {
				t.Error("stopped, and no rule concerns it")
			}
		})
	}
	var none *flow.Rules
	if d := none.Judge(0, 0); d.Action != flow.Block || !none.Concern(0) {
		t.Errorf("without rules: %v", d.Action)
	}
	if d := (flow.Decision{}); d.Action != flow.Block {
		t.Error("the zero decision does not block")
	}
}

// More taint never makes a call easier, and neither do more labels of the call.
func TestTaintOnlyTightens(t *testing.T) {
	r := rules(t, append(flow.Default(), flow.Rule{From: flow.Private, To: flow.Acts, Then: flow.Block})...)
	for taint := range flow.Labels(4) {
		for call := range flow.Labels(16) {
			for more := range flow.Labels(16) {
				if r.Judge(taint|more.Brought(), call|more).Action > r.Judge(taint, call).Action {
					t.Errorf("%v with %v passes more easily than %v with %v", taint|more.Brought(), call|more, taint, call)
				}
			}
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, r := range map[string]flow.Rule{
		"no source":   {To: flow.Leaves, Then: flow.Hold},
		"sink source": {From: flow.Leaves, To: flow.Leaves, Then: flow.Hold},
		"no sink":     {From: flow.Private, Then: flow.Hold},
		"source sink": {From: flow.Private, To: flow.Untrusted, Then: flow.Hold},
		"unknown bit": {From: flow.Private, To: flow.Leaves | 1<<7, Then: flow.Hold},
		"passes":      {From: flow.Private, To: flow.Leaves, Then: flow.Pass},
	} {
		if _, err := flow.Compile([]flow.Rule{r}); err == nil {
			t.Errorf("%s was compiled", name)
		}
	}
	if _, err := flow.Compile(make([]flow.Rule, flow.MaxRules+1)); err == nil {
		t.Error("too many rules were compiled")
	}
}

func TestWords(t *testing.T) {
	for i, w := range flow.Words() {
		l, ok := flow.ParseLabel(w)
		if !ok || l != 1<<i || l.String() != w {
			t.Errorf("%s is %v", w, l)
		}
	}
	if _, ok := flow.ParseLabel("Private"); ok {
		t.Error("another word is a label")
	}
}

// TestChain: the case of May 2025 and its honest neighbours (A43, POL-54).
func TestChain(t *testing.T) {
	r := rules(t, flow.Default()...)
	for _, tc := range []struct {
		name  string
		calls []string
		want  flow.Action
		at    int
	}{
		{"an issue, a private file, a public pull request", []string{"list_issues", "get_file_contents", "create_pull_request"}, flow.Hold, 2},
		{"a support ticket, a table, an answer", []string{"read_support_ticket", "execute_sql", "reply_to_ticket"}, flow.Hold, 1},
		{"a chat, its list, a message", []string{"list_chats", "whatsapp_send_message"}, flow.Hold, 1},
		{"a review books a room", []string{"getHotelReviews", "bookRoom"}, flow.Hold, 1},
		{"a file leaves with an address", []string{"read_file", "fetch"}, flow.Hold, 1},
		{"a page into a file", []string{"web_search", "fetch", "write_file"}, flow.Pass, -1},
		{"a file into a file", []string{"read_file", "write_file", "edit_file"}, flow.Pass, -1},
		{"only a message", []string{"get_current_time", "send_email"}, flow.Pass, -1},
		{"what is read and never sent", []string{"search_emails", "read_file", "list_issues"}, flow.Pass, -1},
		{"nothing", nil, flow.Pass, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var items []gate.Item
			for _, name := range tc.calls {
				items = append(items, gate.Item{Kind: gate.Tool, Name: name})
			}
			if v := flow.Chain(items, r); v.Action != tc.want || v.At != tc.at {
				t.Errorf("got %v at %d, want %v at %d", v.Action, v.At, tc.want, tc.at)
			}
		})
	}
}

func TestCombine(t *testing.T) {
	r := rules(t, flow.Default()...)
	tools := []flow.Labelled{
		{Path: "web/fetch", Labels: flow.Untrusted | flow.Leaves},
		{Path: "files/read", Labels: flow.Private},
		{Path: "files/read", Labels: flow.Private},
		{Path: "mail/send", Labels: flow.Leaves | flow.Acts},
		{Path: "calc/add"},
	}
	want := []flow.Combination{
		{Index: 0, Rule: flow.Default()[0], Sources: []flow.Source{{Label: flow.Private, Tools: []string{"files/read"}}, {Label: flow.Untrusted, Tools: []string{"web/fetch"}}}, Sinks: []string{"mail/send", "web/fetch"}},
		{Index: 1, Rule: flow.Default()[1], Sources: []flow.Source{{Label: flow.Untrusted, Tools: []string{"web/fetch"}}}, Sinks: []string{"mail/send"}},
	}
	if diff := cmp.Diff(want, r.Combine(tools)); diff != "" {
		t.Error(diff)
	}
	if got := r.Combine(tools[1:]); len(got) != 0 {
		t.Errorf("without anything untrusted: %v", got)
	}
}

func BenchmarkPropose(b *testing.B) {
	it := gate.Item{Kind: gate.Tool, Name: "create_pull_request", Raw: []byte(`{"name":"create_pull_request","description":"Create a new pull request in a repository.","inputSchema":{"type":"object","properties":{"owner":{"type":"string"},"repo":{"type":"string"},"title":{"type":"string"}}}}`)}
	for b.Loop() {
		flow.Propose(&it)
	}
}

func ExampleChain() {
	rules, err := flow.Compile(flow.Default())
	if err != nil {
		panic(err)
	}
	v := flow.Chain([]gate.Item{
		{Kind: gate.Tool, Name: "list_issues"},
		{Kind: gate.Tool, Name: "get_file_contents"},
		{Kind: gate.Tool, Name: "create_pull_request"},
	}, rules)
	fmt.Println(v.Action, v.At, v.Rule)
	// Output: approve 2 private, untrusted → leaves
}
