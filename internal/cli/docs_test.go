package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/checklist"
	"doorward/internal/cli"
	"doorward/internal/config"
	"doorward/internal/listen"
	"doorward/internal/mapping"
)

var update = flag.Bool("update", false, "write the generated reference pages anew")

// TestReferencePagesAreFresh holds the generated pages of docs/reference against
// what the code says. `go test ./internal/cli -update` writes them.
func TestReferencePagesAreFresh(t *testing.T) {
	for name, text := range map[string]string{
		"configuration.md": string(config.Reference()),
		"command-line.md":  commandLine(t),
		"refusals.md":      refusalsPage(),
		"checklist.md":     checklistPage(),
		"mappings.md":      mapping.Page(),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("..", "..", "docs", "reference", name)
			if *update {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != text {
				t.Errorf("docs/reference/%s is stale (%v): run go test ./internal/cli -update", name, err)
			}
		})
	}
}

// commandLine is every command's help, as a user reads it.
func commandLine(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# The command line\n\nGenerated from `doorward --help`. Exit codes: 0 fine, 1 failed, 2 usage, 3 findings or a refusal.\n" +
		"With `--format json` stdout holds JSON and nothing else; text for people goes to stderr.\n")
	listed := []string{
		"", "serve", "health", "stdio", "init", "install", "uninstall", "doctor", "load", "demo",
		"key", "key create", "key list", "key rotate", "key revoke", "key revoked", "sign", "token", "login",
		"secret", "secret set", "secret rotate", "secret list", "secret check", "secret rm", "secret rotate-root", "secret audit", "upstream", "upstream list", "upstream install", "sandbox", "sandbox plan", "sandbox test",
		"trust", "trust list", "trust show", "trust diff", "trust approve", "trust reject", "trust verify",
		"trust keygen", "trust sign", "trust canary", "trust canary plant", "trust canary list", "trust canary remove",
		"policy", "policy check", "policy test", "policy explain", "policy learn", "policy replay", "policy diff",
		"approve", "approve list", "approve show", "approve grant", "approve deny",
		"audit", "audit tail", "audit search", "audit export", "audit evidence", "audit verify", "audit checkpoint", "audit prove", "audit hash", "audit replace-key", "audit accept-loss", "audit index", "audit index status", "audit index rebuild",
		"docs", "docs ingest", "docs reindex", "docs remove", "docs status", "docs search", "docs eval", "docs fetch-model",
		"privacy", "privacy erase", "privacy export", "privacy check", "privacy rectify", "privacy breach", "privacy register",
		"privacy retain", "privacy hold", "privacy hold add", "privacy hold list", "privacy hold release",
		"monitor", "monitor test", "monitor list", "log", "log level",
		"incident", "incident open", "incident list", "incident show", "incident contain", "incident release", "incident note", "incident notify", "incident close",
		"incident report", "incident bundle", "incident verify-bundle", "incident stats", "incident drill", "incident accept-loss",
		"config", "config check", "config show", "config schema", "check", "scan", "version",
		"completion", "completion bash", "completion fish", "completion powershell", "completion zsh",
	}
	for _, c := range listed {
		var out bytes.Buffer
		args := append(strings.Fields(c), "--help")
		code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }})
		if code != 0 {
			t.Fatalf("doorward %v: exit %d: %s", args, code, out.String())
		}
		for _, below := range commandsBelow(out.String()) {
			if full := strings.TrimSpace(c + " " + below); !slices.Contains(listed, full) {
				t.Errorf("doorward %s is a command without a place on the page", full)
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s\n```\n", strings.TrimSpace("doorward "+c), strings.TrimSpace(out.String()))
	}
	return b.String()
}

// commandsBelow are the commands that a help lists, but help itself.
func commandsBelow(help string) (names []string) {
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "help" {
			names = append(names, name)
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// checklistPage is every item of doorward check.
func checklistPage() string {
	var b strings.Builder
	b.WriteString(`# The production checklist

What ` + "`doorward check`" + ` looks at, in its order. Ids never change their meaning. How to use it: [Check before production](../how-to/check-before-production.md).

| id | what should be so | what to do otherwise | more |
|---|---|---|---|
`)
	for _, e := range checklist.Entries() {
		page := strings.TrimPrefix(e.Reference, "docs/")
		fmt.Fprintf(&b, "| `%s` | %s | %s | [%s](../%s) |\n", e.ID, e.Title, e.Fix, strings.TrimSuffix(page[strings.LastIndex(page, "/")+1:], ".md"), page)
	}
	return b.String()
}

func refusalsPage() string {
	var b strings.Builder
	b.WriteString(`# Refusal codes

Every refusal and failure carries a stable code, in ` + "`error.data.code`" + ` of the answer and in the audit log, with the id of the
exchange beside it. Codes never change their meaning. Why something was refused stays with the operator:
` + "`doorward audit search --exchange ID`" + ` shows the reason.

JSON-RPC codes below zero are MCP's; those above are Doorward's own. The HTTP status is that of the stateful era and, where
it differs, after a slash that of 2026-07-28.

| code | JSON-RPC | HTTP | what the client reads, when there is nothing more to say |
|---|---|---|---|
`)
	for _, r := range listen.Refusals() {
		status := fmt.Sprint(r.HTTP)
		if r.Stateless != r.HTTP {
			status = fmt.Sprintf("%d / %d", r.HTTP, r.Stateless)
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", r.Code, r.JSONRPC, status, r.Text)
	}
	b.WriteString(`
` + "`identity.expired`" + ` and ` + "`identity.conflict`" + ` are what the audit log says: the client reads ` + "`identity.invalid`" + ` for each, with the same text,
because what is wrong with a credential is nothing that a guess may find out. ` + "`identity.scope`" + ` names the scopes in
` + "`WWW-Authenticate`" + `. A request that HTTP itself does not allow is answered with 400, 431 or 501 and no code.

` + "`arguments.invalid`" + ` is a tool result with ` + "`isError: true`" + ` since 2025-11-25 and −32602 before. ` + "`resource.unknown`" + ` is −32002, and
−32602 in 2026-07-28.
`)
	return b.String()
}
