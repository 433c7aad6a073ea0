package app_test

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// TestDUR40_RestoredElsewhere is the drill of docs/how-to/back-up-and-restore.md: a gateway is
// stopped, its files are copied to a clean directory, and there it does not start without
// the root key, which is no part of them; with it, everything is as it was and the log goes on.
func TestDUR40_RestoredElsewhere(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	root := filepath.Join(t.TempDir(), "root")
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	text := []byte(base64.StdEncoding.EncodeToString(key))
	if err := os.WriteFile(root, text, 0o600); err != nil {
		t.Fatal(err)
	}
	yaml := "secret_store: {root: \"file:" + root + "\"}\nsecrets: {in-store: {from: store, required: false}}\nupstreams: {up: {url: \"" + up.URL() + "\"}}\n"
	gw := gatetest.Gateway(t, yaml, nil)
	gw.Approve("")
	alice := gw.As("alice").Open(modern)
	gone := gw.As("mallory").Open(modern)
	gw.Revoke("mallory")
	if r := alice.Call("up__echo", `{}`); !r.OK() {
		t.Fatalf("before: %s", r)
	}
	if _, err := gw.App.SetSecret(t.Context(), "test", admin.SecretValue{Name: "in-store", Value: "CANARY-of-the-store-47110815"}); err != nil {
		t.Fatal(err)
	}
	gw.Stop()

	began := time.Now()
	dir := copyOf(t, gw.Dir)
	before, err := audit.Verify(t.Context(), filepath.Join(dir, "data", "audit"), audit.Options{})
	if err != nil {
		t.Fatalf("the copy of the log: %v", err)
	}
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	if err := serveCopy(t, dir, func(yaml string) string { return strings.Replace(yaml, ", required: false", "", 1) }); err == nil || !strings.Contains(err.Error(), "secret_store.root") {
		t.Errorf("without the root key: %v", err)
	}
	if err := os.WriteFile(root, text, 0o600); err != nil {
		t.Fatal(err)
	}
	restored := gatetest.GatewayAt(t, dir, yaml, nil)
	if r := restored.Client("alice", alice.Key).Open(modern).Call("up__echo", `{}`); !r.OK() {
		t.Errorf("with the key of before, and what was approved before: %s", r)
	}
	t.Logf("restored and serving after %s: %d records", time.Since(began).Round(time.Millisecond), before.Records)
	if r := restored.Client("mallory", gone.Key).TryOpen("2025-11-25"); r.Status != 401 {
		t.Errorf("a key that was revoked before: %s", r)
	}
	if list, err := restored.App.ListSecrets(t.Context()); err != nil || len(list) == 0 {
		t.Errorf("the store has %v, %v", list, err)
	}
	after, err := audit.Verify(t.Context(), restored.AuditDir(), audit.Options{})
	if err != nil || after.Records <= before.Records {
		t.Errorf("%d records after %d: %v", after.Records, before.Records, err)
	}
}
