package checklist_test

import (
	"strings"
	"testing"

	"doorward/internal/checklist"
)

func upstreamCases() []itemCase {
	const declared = "upstreams:\n  a: {url: \"https://a.example/mcp\", declares: {purpose: code review, ai_act: limited, licence: MIT}}\n"
	const high = "upstreams:\n  a: {url: \"https://a.example/mcp\", declares: {ai_act: high}}\n"
	const approve = "roles: {r: {allow: [{tools: [a/*], mode: approve, approvers: {roles: [lead]}}]}, lead: {}}\n"
	const plain = "upstreams:\n  a: {url: \"https://a.example/mcp\"}\n"
	return []itemCase{
		{id: "upstream.pinned", name: "no command", file: plain, want: none},
		{id: "upstream.pinned", name: "exact", file: "upstreams: {a: {command: [npx, -y, x@1.2.3]}}\n", want: pass},
		{id: "upstream.pinned", name: "loose", file: "upstreams:\n  a:\n    command: [npx, -y, x]\n    allow_launch: [fetches]\n", want: fail, seen: "upstreams.a.command: a runs x, which", onLine: 4},
		{id: "upstream.pinned", name: "tag", file: "upstreams: {a: {command: [docker, run, -i, \"x:1.2\"], allow_launch: [fetches]}}\n", want: warn, seen: "can be moved"},
		{id: "upstream.launch", name: "no command", file: plain, want: none},
		{id: "upstream.launch", name: "kept", file: "upstreams: {a: {command: [/srv/server]}}\n", want: pass, seen: "commands: 1"},
		{id: "upstream.launch", name: "allowed", file: "upstreams:\n  a:\n    command: [sh, -c, x]\n    allow_launch: [code]\n", want: fail, seen: "upstreams.a.allow_launch: a may break launch rule code", onLine: 5},
		{id: "upstream.launch", name: "its file", file: "upstreams: {a: {command: [/srv/server]}}\n", state: func(st *checklist.State) { st.Unlaunchable = map[string]string{"a": "everybody may write it"} }, want: fail, seen: "a is not started: everybody may write it"},
		{id: "upstream.sandbox", name: "no command", file: plain, want: none},
		{id: "upstream.sandbox", name: "confined", file: "upstreams: {a: {command: [/srv/server], sandbox: {kind: process}}}\n", want: pass, seen: "commands: 1"},
		{id: "upstream.sandbox", name: "SBX-20 not confined", file: "upstreams:\n  a:\n    command: [/srv/server]\n    sandbox: {kind: none}\n", want: warn, seen: "upstreams.a.sandbox.kind: a has Doorward's own rights", onLine: 5},
		{id: "upstream.arguments", name: "typed", file: "upstreams: {a: {url: \"https://a.example/mcp\", arguments: {path: path}}}\n", want: pass},
		{id: "upstream.arguments", name: "none", file: plain, want: warn, seen: "upstreams.a: no argument of a", onLine: 3},
		{id: "upstream.arguments", name: "no upstream", file: "upstreams: {}\n", want: none},
		{id: "upstream.limits", name: "default", file: plain, want: pass},
		{id: "upstream.limits", name: "wide", file: "upstreams:\n  a:\n    url: https://a.example/mcp\n    limits: {timeout: 1h}\n", want: warn, seen: "upstreams.a.limits.timeout: is 1h0m0s", onLine: 5},

		{id: "disclosure.label", name: "written", file: "disclosure: {label: Made by AI}\nupstreams: {}\n", want: pass},
		{id: "disclosure.label", name: "not written", file: "upstreams: {}\n", want: warn},
		{id: "declares.purpose", name: "declared", file: declared, want: pass},
		{id: "declares.purpose", name: "missing", file: plain, want: warn, seen: "a declares no purpose"},
		{id: "declares.ai_act", name: "declared", file: declared, want: pass},
		{id: "declares.ai_act", name: "missing", file: plain, want: warn, seen: "a declares no risk class"},
		{id: "declares.licence", name: "declared", file: declared, want: pass},
		{id: "declares.licence", name: "missing", file: plain, want: warn, seen: "a declares no licence"},
		{id: "declares.licence", name: "no upstream", file: "upstreams: {}\n", want: none},
		{id: "declares.high_risk", name: "not high", file: declared, want: none},
		{id: "declares.high_risk", name: "guarded", file: high + approve, want: pass},
		{id: "declares.high_risk", name: "nobody approves", file: high, want: warn, seen: "no rule has people approve"},
		{id: "declares.high_risk", name: "only the caller", file: high + "roles: {r: {allow: [{tools: [a/*], mode: approve, approvers: {self: true}}]}}\n", want: warn},
		{id: "declares.high_risk", name: "another upstream's rule", file: high + "  b: {command: [cat]}\n" + strings.Replace(approve, "a/*", "b/*", 1), want: warn},
		{id: "declares.high_risk", name: "not kept", file: high + approve + "audit: {arguments: hashed}\n", want: warn, seen: "audit.arguments: hashed keeps nothing"},
	}
}

// What a command runs must be exact, whoever fetches it.
func TestCommandsAreExact(t *testing.T) {
	sha, commit := strings.Repeat("a1", 32), strings.Repeat("b2", 20)
	for _, tc := range []struct {
		command string // words with spaces between
		want    checklist.Status
	}{
		{"npx x@1.2.3", pass},
		{"npx -y @s/x@1.2.3-rc.1 /srv", pass},
		{"/usr/bin/npx --yes x@2026.8.31", pass},
		{"npx", fail},
		{"npx x", fail},
		{"npx -y @s/x", fail},
		{"npx x@latest", fail},
		{"npx x@^1.2.3", fail},
		{"npx x@1.2", fail},
		{"npx x@1.x.3", fail},
		{"npx -p x@1.2.3 x", pass},
		{"npx --package=x x", fail},
		{"npx --package=x@1.2.3 --package=y x", fail},
		{"npx ./server", pass},
		{"npx github:o/r#" + commit, pass},
		{"npx github:o/r", fail},
		{`C:\node\npx.cmd x`, fail},
		{"env A=1 npx x", fail},
		{"env -i npx x@1.2.3", pass},
		{"npm exec -- x@1.2.3", pass},
		{"npm exec x", fail},
		{"pnpm dlx x", fail},
		{"bun x x@1.2.3", pass},
		{"bunx x", fail},
		{"npm start", pass},
		{"uvx x==1.2.3", pass},
		{"uvx x@1.2", pass},
		{"uvx x[cli]==1.2rc1 --flag", pass},
		{"uvx x", fail},
		{"uvx x@latest", fail},
		{"uvx x>=1.2", fail},
		{"uvx x==1.*", fail},
		{"uvx --from x==1.2 cmd", pass},
		{"uvx --from x cmd", fail},
		{"uvx --with y x==1.2", fail},
		{"uvx --python 3.12 x==1.2", pass},
		{"uvx --from git+https://h.example/r@" + commit + " cmd", warn},
		{"uvx --from git+https://h.example/r@main cmd", fail},
		{"uv tool run x", fail},
		{"uv run server.py", pass},
		{"pipx run x==1.2", pass},
		{"pipx run --spec x cmd", fail},
		{"docker run -i --rm x@sha256:" + sha, pass},
		{"docker run -it -e A=1 --env B=2 -v /a:/b x", fail},
		{"docker run --name=n x:latest", fail},
		{"docker run -eA=1 x:1.2", warn},
		{"docker --context c container run r.example:5000/x", fail},
		{"podman run r.example:5000/x:1.2", warn},
		{"docker run", fail},
		{"docker run x@sha256:abc", fail},
		{"docker compose run x", warn},
		{"docker exec c server", warn},
		{"go run example.com/x@v1.2.3", pass},
		{"go run example.com/x@latest", fail},
		{"go run ./cmd/x", pass},
		{"deno run -A npm:x@1.2.3", pass},
		{"deno run npm:x", fail},
		{"deno run https://h.example/x.ts", warn},
		{"sh -c npx", warn},
		{"bash -lc npx", warn},
		{"cmd /c npx", warn},
		{"bash server.sh", pass},
		{"/opt/server --npx x", pass},
	} {
		t.Run(tc.command, func(t *testing.T) {
			cfg, _ := parsed(t, "upstreams: {a: {command: [cat]}}\n")
			u := cfg.Upstreams["a"]
			u.Command = strings.Fields(tc.command)
			cfg.Upstreams["a"] = u
			if got := item(t, checklist.Run(cfg, sound()), "upstream.pinned"); got.Status != tc.want {
				t.Errorf("%s, want %s: %s", got.Status, tc.want, texts(got))
			}
		})
	}
}
