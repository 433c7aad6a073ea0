package flow_test

import (
	"encoding/json"
	"strings"
	"testing"

	"doorward/internal/flow"
	"doorward/internal/gate"
)

func tool(name, rest string) *gate.Item {
	return &gate.Item{Kind: gate.Tool, Name: name, Raw: []byte(`{"name":"` + name + `"` + rest + `}`)}
}

func TestPropose(t *testing.T) {
	const (
		read = flow.Private | flow.Untrusted
		sink = flow.Leaves | flow.Acts
	)
	for _, tc := range []struct {
		name, rest string
		want       flow.Labels
	}{
		{"list_issues", ``, read},
		{"get_file_contents", ``, read},
		{"create_pull_request", ``, sink},
		{"createPullRequest", ``, sink},
		{"gmail-send-email", ``, sink},
		{"send_email", ``, sink},
		{"email", ``, sink},
		{"search_emails", ``, read},
		{"get_contacts", ``, read},
		{"delete_file", ``, flow.Acts},
		{"write_file", ``, 0},
		{"create_directory", ``, 0},
		{"append_to_document", ``, 0},
		{"update_password", ``, flow.Acts},
		{"fetch", ``, flow.Untrusted | flow.Leaves},
		{"fetch_emails", ``, read},
		{"web_search", ``, flow.Untrusted | flow.Leaves},
		{"run_command", ``, flow.Untrusted | sink},
		{"calculate", ``, 0},
		{"get_current_time", ``, 0},
		{"get_environment", ``, flow.Private},
		{"HTTPGetURL", ``, flow.Untrusted | flow.Leaves},
		{"zap", `,"description":"Sends a message to a Slack channel."`, sink},
		{"zap", `,"title":"Send a message"`, sink},
		{"zap", `,"inputSchema":{"type":"object","properties":{"recipient":{"type":"string"}}}`, sink},
		{"zap", `,"inputSchema":{"type":"object","properties":{"url":{"type":"string"}}}`, flow.Untrusted | flow.Leaves},
		{"get_messages", `,"inputSchema":{"type":"object","properties":{"chat_id":{"type":"string"}}}`, read},
		{"read", `,"description":"Reads a page's content.","inputSchema":{"properties":{"url":{}}}`, flow.Untrusted | flow.Leaves},
		{"zap", `,"annotations":{"destructiveHint":true}`, flow.Acts},
		{"zap", `,"annotations":{"openWorldHint":true}`, flow.Untrusted},
		{"delete_file", `,"annotations":{"destructiveHint":false,"readOnlyHint":true,"openWorldHint":false}`, flow.Acts},
		// What is worked out is neither read nor sent.
		{"generate_text", ``, 0},
		{"simulate-swap-transaction", ``, 0},
		{"validate_and_submit_order", ``, sink},
		{"estimate_send_fee", ``, sink},
		{"generate_api_key", ``, flow.Acts},
		// A noun that can be a verb gives way to the sentence, unless there is room for words.
		{"push-message-detail", `,"description":"Retrieves one push message."`, read},
		{"tokenTrades", `,"description":"Get the latest trades of a token."`, flow.Private},
		{"message", `,"description":"Get in touch with a friend.","inputSchema":{"properties":{"text":{}}}`, flow.Private | sink},
		{"get_block_header", ``, 0},
		{"block_user", ``, flow.Acts},
		// To fetch what has a name is to get it.
		{"fetch_feature_flags", ``, 0},
		{"zap", `,"description":"Fetches recent activity."`, 0},
		{"fetch_news", ``, flow.Untrusted},
		{"crawl", ``, flow.Untrusted | flow.Leaves},
		// What is called public is not private.
		{"read_public_issue", ``, flow.Untrusted},
		{"list_public_and_private_issues", ``, read},
		{"open_issue", ``, read},
		{"open_issue", `,"inputSchema":{"properties":{"number":{"type":"integer"},"title":{"type":"string"}}}`, read | sink},
		// Without room for words nothing is said to anybody.
		{"reschedule_event", ``, sink},
		{"reschedule_event", `,"inputSchema":{"properties":{"event_id":{"type":"string"},"newStartTime":{"type":"string"}}}`, 0},
		{"reschedule_event", `,"inputSchema":{"properties":{"event_id":{"type":"string"},"why":{"type":"string"}}}`, sink},
		{"add_labels_to_issue", `,"inputSchema":{"properties":{"issueIds":{"type":"array","items":{"type":["string","integer"]}},"state":{"enum":["a","b"]},"due":{"type":"string","format":"date"},"urgent":{"type":"boolean"}}}`, 0},
		{"update_event", `,"inputSchema":{"properties":{"id":{"type":"object"}}}`, sink},
		{"update_event", `,"inputSchema":{"properties":{"id":3}}`, sink},
		{"update_event", `,"inputSchema":{"properties":{"event_id":{},"attendees":{"type":"array","items":{"type":"integer"}}}}`, sink},
		{"update_payment", `,"inputSchema":{"properties":{"payment_id":{},"amount":{"type":"number"}}}`, sink},
		{"add_participant", `,"inputSchema":{"properties":{"event_id":{},"user_id":{}}}`, sink},
		{"delete_event", `,"inputSchema":{"properties":{"event_id":{}}}`, flow.Acts},
		// What describes a person gives nobody a way in.
		{"update_user_info", ``, flow.Acts},
		{"update_user_info", `,"inputSchema":{"properties":{"street":{},"city":{}}}`, 0},
		{"update_user_info", `,"inputSchema":{"properties":{"street":{},"email":{}}}`, flow.Acts},
		{"update_user_info", `,"inputSchema":{"properties":{"data":{}}}`, flow.Acts},
		{"update_user", `,"inputSchema":{"properties":{"city":{}}}`, flow.Acts},
		{"zap", `,"description":3`, read | sink},
		{"zap", `,"name":"zap"`, read | sink},
	} {
		t.Run(tc.name+tc.rest, func(t *testing.T) {
			if got := flow.Propose(tool(tc.name, tc.rest)); got != tc.want {
				t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
			}
		})
	}
}

func TestProposeByKind(t *testing.T) {
	for kind, want := range map[gate.ItemKind]flow.Labels{
		gate.Resource: flow.Private | flow.Untrusted, gate.Template: flow.Private | flow.Untrusted,
		gate.Prompt: flow.Untrusted, gate.Instructions: 0, gate.Command: 0, gate.NoItem: flow.Private | flow.Untrusted | flow.Leaves | flow.Acts,
	} {
		if got := flow.Propose(&gate.Item{Kind: kind, Name: "x"}); got != want {
			t.Errorf("a %v has %v, want %v", kind, got, want)
		}
	}
}

// To get a prompt is to read, whatever it asks the model to do.
func TestProposePrompts(t *testing.T) {
	for _, tc := range []struct {
		name, rest string
		want       flow.Labels
	}{
		{"greet", ``, flow.Untrusted},
		{"read_private_file", ``, flow.Untrusted | flow.Private},
		{"triage", `,"title":"Triage the inbox"`, flow.Untrusted | flow.Private},
		{"brief", `,"description":"Sums up today's calendar."`, flow.Untrusted | flow.Private},
		{"send_greeting", ``, flow.Untrusted},
		{"sum_up", `,"arguments":[{"name":"URL"}]`, flow.Untrusted | flow.Leaves},
		{"greet", `,"arguments":[{"name":"recipient"}]`, flow.Untrusted},
		{"greet", `,"arguments":3`, flow.Private | flow.Untrusted | flow.Leaves | flow.Acts},
	} {
		it := tool(tc.name, tc.rest)
		it.Kind = gate.Prompt
		if got := flow.Propose(it); got != tc.want {
			t.Errorf("%s%s: %v, want %v", tc.name, tc.rest, got, tc.want)
		}
	}
}

// FuzzPropose: annotations never remove a label, and the order of a definition's
// members does not matter.
func FuzzPropose(f *testing.F) {
	f.Add("send_email", "Send an email.", "to", true)
	f.Add("list_issues", "Lists issues. Then more.", "url", false)
	f.Add("\u540d\u524d", "\u30e1\u30fc\u30eb\u3092\u9001\u308b", "command", true)
	f.Add(strings.Repeat("aB", 900), "\xff", "", false)
	f.Fuzz(func(t *testing.T, name, said, parameter string, hint bool) {
		quote := func(v any) string {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		n, d := `"name":`+quote(name), `"description":`+quote(said)
		s := `"inputSchema":{"properties":{` + quote(parameter) + `:{"type":"string"}}}`
		a := `"annotations":{"readOnlyHint":` + quote(hint) + `,"destructiveHint":` + quote(!hint) + `,"openWorldHint":` + quote(!hint) + `}`
		propose := func(members ...string) flow.Labels {
			return flow.Propose(&gate.Item{Kind: gate.Tool, Name: name, Raw: []byte("{" + strings.Join(members, ",") + "}")})
		}
		without := propose(n, d, s)
		if with := propose(n, d, s, a); !with.Has(without) {
			t.Errorf("annotations take %v to %v", without, with)
		}
		if other := propose(s, d, n); other != without {
			t.Errorf("in another order %v, before %v", other, without)
		}
	})
}
