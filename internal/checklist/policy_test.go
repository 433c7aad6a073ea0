package checklist_test

import (
	"testing"

	"doorward/internal/checklist"
)

func policyCases() []itemCase {
	const up = "upstreams:\n  a: {url: \"https://a.example/mcp\", arguments: {path: path}}\n  b: {url: \"https://b.example/mcp\", arguments: {q: text}}\n"
	const bare = "upstreams: {}\n"
	role := func(rules string) string { return up + "roles:\n  r:\n    allow:\n      - {" + rules + "}\n" }
	tools := func(names ...string) func(*checklist.State) {
		return func(s *checklist.State) {
			for _, n := range names {
				s.Definitions = append(s.Definitions, checklist.Definition{Upstream: "a", Kind: "tool", Name: n, State: "approved"})
			}
		}
	}
	keyed := func(roles ...string) func(*checklist.State) {
		return keys(checklist.Key{ID: "k_1", Name: "ci", Roles: roles, Created: ago(1)})
	}
	const ids = "identity: {issuers: [{issuer: \"https://id.example.com\"}]}\n"
	return []itemCase{
		{id: "policy.built_in_role", name: "in use", file: bare, want: warn},
		{id: "policy.built_in_role", name: "roles", file: role("tools: [a/read]"), want: pass},

		{id: "policy.wide_patterns", name: "built in", file: bare, want: none},
		{id: "policy.wide_patterns", name: "named", file: role("tools: [a/*, \"*/read_*\"], resources: [\"docs://**\"], prompts: [a/**]"), want: pass},
		{id: "policy.wide_patterns", name: "tools", file: role("tools: [a/read, \"*/*\"]"), want: warn, seen: "roles.r.allow[0].tools[1]: */*", onLine: 8},
		{id: "policy.wide_patterns", name: "spelled out", file: role("tools: [\"[a-z]*/?*\"]"), want: warn},
		{id: "policy.wide_patterns", name: "resources", file: role("resources: [\"*://**\"]"), want: warn, seen: "resources of every upstream"},
		{id: "policy.wide_patterns", name: "prompts", file: role("prompts: [\"*/**\"]"), want: warn},
		{id: "policy.wide_patterns", name: "deny", file: up + "roles: {r: {deny: [{tools: [\"*/*\"]}]}}\n", want: pass},

		{id: "policy.members", name: "built in", file: bare, want: none},
		{id: "policy.members", name: "nobody", file: role("tools: [a/read]"), want: warn, seen: "nobody can have r"},
		{id: "policy.members", name: "key", file: role("tools: [a/read]"), state: keyed("r"), want: pass},
		{id: "policy.members", name: "revoked key", file: role("tools: [a/read]"), state: keys(checklist.Key{Roles: []string{"r"}, Created: ago(2), Revoked: ago(1)}), want: warn},
		{id: "policy.members", name: "role is gone", file: role("tools: [a/read]"), state: keyed("r", "old"), want: warn, seen: "has the role old"},
		{id: "policy.members", name: "anonymous", file: role("tools: [a/read]") + "identity: {anonymous: {subject: l, roles: [r]}}\n", want: pass},
		{id: "policy.members", name: "groups without issuers", file: role("tools: [a/read]") + "    groups: [g]\n", want: warn},
		{id: "policy.members", name: "groups", file: role("tools: [a/read]") + "    groups: [g]\n" + ids, want: pass},
		{id: "policy.members", name: "claimed", file: role("tools: [a/read]") + "identity: {issuers: [{issuer: \"https://id.example.com\", claims: {roles: roles}}]}\n", want: pass},
		{id: "policy.members", name: "keys are off", file: role("tools: [a/read]") + ids, state: keyed("r"), want: warn},
		{id: "policy.members", name: "unread", file: role("tools: [a/read]"), state: func(s *checklist.State) { s.Unread = "nobody looked" }, want: warn, seen: "not known whether a key has r"},

		{id: "policy.observe", name: "enforced", file: role("tools: [a/read]"), want: pass},
		{id: "policy.observe", name: "allow", file: role("tools: [a/read], mode: observe"), want: warn, seen: "roles.r.allow[0].mode", onLine: 8},
		{id: "policy.observe", name: "deny", file: up + "roles: {r: {deny: [{tools: [a/x], mode: observe}]}}\n", want: warn, seen: "roles.r.deny[0].mode"},

		{id: "policy.where", name: "narrowed", file: role("tools: [a/read], where: {path: {under: [/srv]}}"), want: pass},
		{id: "policy.where", name: "approved", file: role("tools: [a/read], mode: approve, approvers: {self: true}"), want: pass},
		{id: "policy.where", name: "open", file: role("tools: [a/*]"), want: warn, seen: "roles.r.allow[0]: opens tools of a to r whatever their arguments say (path is a path)"},
		{id: "policy.where", name: "another upstream's", file: role("tools: [b/*]"), want: pass},
		{id: "policy.where", name: "nothing to narrow", file: "upstreams: {a: {url: \"https://a.example/mcp\", arguments: {q: text}}}\nroles: {r: {allow: [{tools: [a/*]}]}}\n", want: none},

		{id: "policy.risky_tools", name: "harmless", file: role("tools: [a/*]"), state: tools("read_file", "undeleted", "list_runs"), want: pass},
		{id: "policy.risky_tools", name: "open", file: role("tools: [a/*]"), state: tools("delete_file"), want: warn, seen: "roles.r.allow[0]: r may call a/delete_file (delete)", onLine: 8},
		{id: "policy.risky_tools", name: "camel", file: role("tools: [a/*]"), state: tools("sendMail"), want: warn, seen: "(send)"},
		{id: "policy.risky_tools", name: "in one", file: role("tools: [a/*]"), state: tools("writefile"), want: warn, seen: "(write)"},
		{id: "policy.risky_tools", name: "with a dot", file: role("tools: [a/*]"), state: tools("bank.transfer"), want: warn, seen: "(transfer)"},
		{id: "policy.risky_tools", name: "where", file: role("tools: [a/*], where: {path: {under: [/srv]}}"), state: tools("delete_file"), want: pass},
		{id: "policy.risky_tools", name: "when", file: role("tools: [a/*], when: now.hour >= 8"), state: tools("delete_file"), want: pass},
		{id: "policy.risky_tools", name: "observed where", file: role("tools: [a/*], mode: observe, where: {path: {under: [/srv]}}"), state: tools("delete_file"), want: warn},
		{id: "policy.risky_tools", name: "approve beside it", file: role("tools: [a/*]}\n      - {tools: [a/delete_*], mode: approve, approvers: {self: true}"), state: tools("delete_file"), want: pass},
		{id: "policy.risky_tools", name: "approve sometimes", file: role("tools: [a/*]}\n      - {tools: [a/delete_*], when: now.hour >= 8, mode: approve, approvers: {self: true}"), state: tools("delete_file"), want: warn},
		{id: "policy.risky_tools", name: "denied", file: role("tools: [a/*]") + "    deny: [{tools: [a/delete_*]}]\n", state: tools("delete_file"), want: pass},
		{id: "policy.risky_tools", name: "deny observed", file: role("tools: [a/*]") + "    deny: [{tools: [a/delete_*], mode: observe}]\n", state: tools("delete_file"), want: warn},
		{id: "policy.risky_tools", name: "deny on a condition", file: role("tools: [a/*]") + "    deny: [{tools: [a/delete_*], when: args.path != \"/tmp\"}]\n", state: tools("delete_file"), want: pass},
		{id: "policy.risky_tools", name: "not seen, named", file: role("tools: [a/merge_*]"), want: warn, seen: "a/merge_"},
		{id: "policy.risky_tools", name: "rejected", file: role("tools: [a/*]"), state: defined(checklist.Definition{Upstream: "a", Kind: "tool", Name: "delete", State: "rejected"}), want: pass},
		{id: "policy.risky_tools", name: "a prompt", file: role("tools: [a/*]"), state: defined(checklist.Definition{Upstream: "a", Kind: "prompt", Name: "delete", State: "approved"}), want: pass},
		{id: "policy.risky_tools", name: "unread", file: role("tools: [a/*]"), state: func(s *checklist.State) { s.Unread = "nobody looked" }, want: warn, seen: "not known"},
		{id: "policy.risky_tools", name: "built in", file: bare, want: none},

		{id: "approvals.told", name: "nothing waits", file: role("tools: [a/read]"), want: none},
		{id: "approvals.told", name: "the caller", file: role("tools: [a/read], mode: approve, approvers: {self: true}"), want: none},
		{id: "approvals.told", name: "nobody is told", file: role("tools: [a/read], mode: approve, approvers: {roles: [r]}"), want: warn, onLine: 8},
		{id: "approvals.told", name: "webhook", file: role("tools: [a/read], mode: approve, approvers: {roles: [r]}") + "approvals: {webhook: {url: \"https://hooks.example.com/x\", secret: s}}\nsecrets: {s: {from: env:S}}\n", want: pass},
	}
}

// What a role of one upstream opens is not laid at the door of another.
func TestRiskyToolsOfAnotherRole(t *testing.T) {
	cfg, _ := parsed(t, "upstreams: {a: {command: [cat]}}\nroles: {r: {allow: [{tools: [a/read]}]}, w: {allow: [{tools: [a/*]}]}}\n")
	st := sound()
	st.Definitions = []checklist.Definition{{Upstream: "a", Kind: "tool", Name: "drop_table", State: "approved"}}
	got := item(t, checklist.Run(cfg, st), "policy.risky_tools")
	if len(got.Evidence) != 1 || got.Evidence[0].Path != "roles.w.allow[0]" {
		t.Errorf("evidence %v", got.Evidence)
	}
}
