package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/gatetest"
)

// SBX-02: every file that a configuration names is one that no command may write: the
// certificates of who vouches for servers, issuers and clients among them.
func TestSBX02_TrustAnchorsAreBelieved(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	certs := filepath.Join(dir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"up.pem", "oauth.pem", "own.pem", "issuer.pem"} {
		if err := os.WriteFile(filepath.Join(certs, name), gatetest.NewCA(t).PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "doorward.yaml")
	const text = `version: 1
identity: {issuers: [{issuer: "https://id.example.com", audience: "https://gw.example.com/mcp", ca: certs/issuer.pem}]}
secrets: {key: {from: "env:KEY"}, client: {from: "env:CLIENT"}}
listen: {address: "0.0.0.0:8443", public_url: "https://gw.example.com", tls: {cert: certs/tls.pem, key: keys/tls.key, client_ca: certs/clients.pem, client_crl: certs/clients.crl}}
upstreams:
  web:
    url: https://mcp.example.com
    ca: certs/up.pem
    credential:
      certificate: {cert: certs/own.pem, key: key}
      oauth: {issuer: "https://id.example.com", client_id: doorward, client_secret: client, ca: certs/oauth.pem}
  cmd: {command: [/bin/true], sandbox: {write: [certs]}}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	believed := app.Believed(cfg)
	for _, name := range []string{"issuer.pem", "tls.pem", "clients.pem", "clients.crl", "up.pem", "own.pem", "oauth.pem"} {
		if !slices.Contains(believed, filepath.Join(certs, name)) {
			t.Errorf("%s is not among %q", name, believed)
		}
	}
	if slices.Contains(believed, certs) {
		t.Error("what a command is given is believed for that")
	}
	if _, err := app.SandboxPlan(cfg, path, "cmd", []string{"PATH=/bin"}); err == nil || !strings.Contains(err.Error(), "Doorward decides by "+certs) {
		t.Errorf("a command that writes certificates is planned: %v", err)
	}
}
