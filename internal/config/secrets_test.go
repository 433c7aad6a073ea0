package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"doorward/internal/config"
)

// Who writes a secret where its name belongs must not find it in a log.
func TestNoFaultRepeatsASecret(t *testing.T) {
	data, err := os.ReadFile("testdata/bad/secrets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = config.Parse("x.yaml", data)
	if err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("faults that repeat what may be a secret:\n%v", err)
	}
}

func TestSecretsAndWhoUsesThem(t *testing.T) {
	c, err := config.Load("testdata/good/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	token := c.Secrets["files-token"]
	if !token.Required || token.Type != "string" || token.MaxAge != config.Duration(90*24*time.Hour) || token.From != "env:FILES_TOKEN" {
		t.Errorf("files-token is %+v", token)
	}
	if from := c.Secrets["orders"].From; !strings.HasPrefix(from, "file:/") || !strings.HasSuffix(from, "/testdata/good/secrets/orders") {
		t.Errorf("a relative file is at %s", from)
	}
	for name, want := range map[string]string{"files": "", "my_docs-2": "streamable", "old": "sse", "socket": "websocket", "socket-2": "websocket"} {
		if got := c.Upstreams[name].Transport; got != want {
			t.Errorf("%s speaks %q, want %q", name, got, want)
		}
	}
}

func TestWhereTheRootOfSecretsIs(t *testing.T) {
	const vault = "vault: {address: https://vault.example.com, auth: {token_file: token}}\n"
	for root, want := range map[string]string{
		"transit:transit/doorward": "", "transit:team/transit/doorward": "", "file:root": "", "systemd:root": "", "keyring:doorward/root": "", "keyring:doorward": "SERVICE/ACCOUNT", "keyring:-s/x": "SERVICE/ACCOUNT",
		"transit:doorward": "MOUNT/KEY", "transit:": "MOUNT/KEY", "transit:a/../b": "MOUNT/KEY", "vault:kv/app#root": "transit:MOUNT/KEY", "CANARY": "transit:MOUNT/KEY",
	} {
		_, err := config.Parse("x.yaml", []byte(vault+"secret_store: {root: \""+root+"\"}\n"))
		if fault := err != nil && strings.Contains(err.Error(), "secret_store.root"); fault != (want != "") || fault && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", root, err)
		}
	}
	if _, err := config.Parse("x.yaml", []byte("secret_store: {root: \"transit:transit/doorward\"}\n")); err == nil || !strings.Contains(err.Error(), "needs vault.address") {
		t.Errorf("without vault: %v", err)
	}
}

func TestBadHeader(t *testing.T) {
	for _, name := range []string{
		"", "Host", "host", "CONTENT-TYPE", "Content-", "mcp-session-id", "MCP-Protocol-Version", "Connection", "te", "Transfer-Encoding",
		"Upgrade", "Proxy-Authorization", "Keep-Alive", "Trailer", "Accept", "Last-Event-ID", "Origin", "Sec-WebSocket-Key",
		"X Api", "X-Api:", "X\r\nY", "Ä", strings.Repeat("x", 129),
	} {
		if config.BadHeader(name) == "" {
			t.Errorf("%q was taken", name)
		}
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "x-gemini-key", "PRIVATE-TOKEN", "DD-API-KEY"} {
		if why := config.BadHeader(name); why != "" {
			t.Errorf("%q: %s", name, why)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "90d": 90 * 24 * time.Hour, "0d": 0, "36h": 36 * time.Hour} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s is %v, %v", text, time.Duration(d), err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "+1d", "1.5d", "1d2h", "107000d", "18446744073709551616d", "5", "-1s"} {
		var d config.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, d)
		}
	}
}
