package flow_test

import (
	"testing"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

func TestTable(t *testing.T) {
	table, err := flow.NewTable(map[string]map[string][]string{
		"up": {
			"send_email": {}, "get_*": {"private"}, "*_public_*": {"untrusted"}, "get_all": {"leaves", "acts"},
			"a*b*c": {"acts"}, "https://x.example/*": {"untrusted"},
		},
		"all": {"*": {"private", "untrusted"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	table.OnlyReads("own", "restart")
	table.OnlyReads("up", "get_all")
	for _, tc := range []struct {
		upstream, name string
		kind           gate.ItemKind
		want           flow.Labels
	}{
		{"up", "send_email", gate.Tool, 0}, // an operator may take labels away
		{"up", "send_emails", gate.Tool, flow.Leaves | flow.Acts},
		{"up", "get_time", gate.Tool, flow.Private},
		{"up", "get_", gate.Tool, flow.Private},
		{"up", "get_public_time", gate.Tool, flow.Private | flow.Untrusted},
		{"up", "get_all", gate.Tool, flow.Leaves | flow.Acts},
		{"up", "abc", gate.Tool, flow.Acts},
		{"up", "a1b2b3c", gate.Tool, flow.Acts},
		{"up", "ac", gate.Tool, 0},
		{"up", "ab", gate.Tool, 0},
		{"up", "https://x.example/a", gate.Resource, flow.Untrusted},
		{"up", "https://y.example/a", gate.Resource, flow.Private | flow.Untrusted},
		{"all", "send_email", gate.Tool, flow.Private | flow.Untrusted},
		{"other", "send_email", gate.Tool, flow.Leaves | flow.Acts},
		{"own", "restart", gate.Tool, flow.Propose(&gate.Item{Kind: gate.Tool, Name: "restart"}) &^ flow.Acts}, // its operator says that it reads
		{"own", "delete", gate.Tool, flow.Acts},
		{"other", "delete", gate.Tool, flow.Acts},
	} {
		t.Run(tc.upstream+"/"+tc.name, func(t *testing.T) {
			if got := table.Labels(&gate.Item{Kind: tc.kind, Upstream: tc.upstream, Name: tc.name}); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	if _, err := flow.NewTable(map[string]map[string][]string{"up": {"x": {"secret"}}}); err == nil {
		t.Error("a word that is no label was read")
	}
	if got := (&flow.Table{}).Labels(&gate.Item{Kind: gate.Tool, Name: "send_email"}); got != flow.Leaves|flow.Acts {
		t.Errorf("an empty table gives %v", got)
	}
}
