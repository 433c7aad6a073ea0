package app_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/gatetest"
	"doorward/internal/secret/keyring/keyringtest"
)

const keyringYAML = `
secret_store: {root: "keyring:doorward/root"}
secrets:
  in-keyring: {from: "keyring:doorward/github", max_age: 1h}
  in-store: {from: store, required: false}
upstreams:
  ring: {url: %q, credential: {bearer: in-keyring}}
  store: {url: %q, credential: {bearer: in-store}}
roles: {user: {allow: [{tools: ["*/*"]}]}}
`

// S3: the keyring has an upstream's token and the root key of Doorward's own store. A new token is
// used without a failed call, what is locked is not given out, and nothing of it is anywhere else.
func TestS3SecretsInTheKeyring(t *testing.T) {
	t.Parallel()
	const first, second, kept = "CANARY-first-in-the-keyring", "CANARY-second-in-the-keyring", "CANARY-kept-under-its-root"
	address := keyringtest.Bus(t)
	ring := keyringtest.Serve(t, address)
	root := make([]byte, 32)
	_, _ = rand.Read(root)
	ring.Put(t, "doorward", "root", base64.StdEncoding.EncodeToString(root))
	ring.Put(t, "doorward", "github", first)
	doors, urls := map[string]*lockedDoor{}, map[string]string{}
	for place, token := range map[string]string{"ring": first, "store": kept} {
		doors[place], urls[place] = newLockedDoor(t, token)
	}
	environment := []string{"DBUS_SESSION_BUS_ADDRESS=" + address}
	g := gatetest.GatewayIn(t, environment, fmt.Sprintf(keyringYAML, urls["ring"], urls["store"]), nil)
	g.Hide(first, second, kept, base64.StdEncoding.EncodeToString(root))
	if _, err := g.App.SetSecret(t.Context(), "test", admin.SecretValue{Name: "in-store", Value: kept}); err != nil {
		t.Fatal(err)
	}
	g.Approve("")
	client := g.As("caller", "user").Open(modern)
	works := func(upstream string) {
		t.Helper()
		if r := client.Call(upstream+"__echo", `{}`); r.Status != http.StatusOK || strings.Contains(string(r.Body), `"error"`) {
			t.Errorf("a call of %s: %s", upstream, r)
		}
	}
	works("ring")
	works("store")
	// What was read less than 100 ms ago is not asked for anew.
	read := time.Now()
	eventually(t, "a reading that may be asked for anew", func() bool { return time.Since(read) > 100*time.Millisecond })
	// A version before this one is turned away, and the keyring is asked anew at once.
	ring.Put(t, "doorward", "github", second)
	next := second
	doors["ring"].token.Store(&next)
	works("ring")
	ages, err := g.App.Ages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range ages {
		if age.Name == "in-keyring" && (time.Since(age.Since) > time.Minute || age.Fault != "") {
			t.Errorf("its age is %+v", age)
		}
	}
	cfg, err := config.Parse("x.yaml", []byte("version: 1\ndata_dir: "+filepath.Join(t.TempDir(), "data")+fmt.Sprintf(keyringYAML, urls["ring"], urls["store"])))
	if err != nil {
		t.Fatal(err)
	}
	every := app.SecretCheck{Config: cfg, Environment: environment, Skip: func(config.Secret) string { return "" }}
	checked, err := app.CheckSecrets(every)
	for _, one := range checked {
		if one.Fault != "" {
			t.Errorf("checked: %+v", one)
		}
	}
	if err != nil || len(checked) != 2 {
		t.Errorf("checked %d secrets: %v", len(checked), err)
	}
	ring.Lock(true)
	checked, err = app.CheckSecrets(every)
	for _, one := range checked {
		if (one.Name == "in-keyring") != strings.Contains(one.Fault, "locked") {
			t.Errorf("checked while it is locked: %+v", one)
		}
	}
	if err != nil || len(checked) != 2 {
		t.Errorf("checked %d secrets while it is locked: %v", len(checked), err)
	}
	var log bytes.Buffer
	a, err := app.New(app.Options{Config: cfg, Environment: environment, Version: "test", Log: app.TextLog(&log, 0)})
	if err == nil {
		err = a.Serve(t.Context(), func() { t.Error("it serves with a keyring that is locked") })
	}
	if err == nil || !strings.Contains(err.Error(), "secret in-keyring: the keyring") || !strings.Contains(err.Error(), "locked") {
		t.Errorf("a start while it is locked: %v", err)
	}
	for _, method := range ring.Asked() {
		if method == "Unlock" {
			t.Error("somebody was asked to unlock it")
		}
	}
}
