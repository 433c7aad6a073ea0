package app_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/durable"
	"doorward/internal/gatetest"
	"doorward/internal/secret/vault"
	"doorward/internal/store"
)

// lockedDoor lets through to an upstream who has one token, which changes.
type lockedDoor struct {
	token  atomic.Pointer[string]
	turned atomic.Int64
}

func newLockedDoor(t *testing.T, token string) (d *lockedDoor, url string) {
	t.Helper()
	d = &lockedDoor{}
	d.token.Store(&token)
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+*d.token.Load() {
			d.turned.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		up.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return d, srv.URL + "/mcp"
}

// transitKey stands in for a key of the transit engine: what it seals is bound to something,
// and not hidden.
type transitKey struct{ version atomic.Int64 }

func (k *transitKey) serve(w http.ResponseWriter, r *http.Request) {
	var asked, answer struct {
		Plain  string `json:"plaintext,omitempty"`
		Sealed string `json:"ciphertext,omitempty"`
		Bound  string `json:"associated_data,omitempty"`
	}
	_ = json.NewDecoder(r.Body).Decode(&asked) // otherwise nothing fits
	if strings.HasPrefix(r.URL.Path, "/v1/transit/encrypt/") {
		answer.Sealed = fmt.Sprintf("vault:v%d:%s.%s", k.version.Load(), asked.Bound, asked.Plain)
	} else {
		var bound bool
		_, text, _ := strings.Cut(strings.TrimPrefix(asked.Sealed, "vault:"), ":")
		if answer.Plain, bound = strings.CutPrefix(text, asked.Bound+"."); !bound {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": answer}) // a client that is gone fails by itself
}

// smallVault is a key-value engine of version 2 with one value, app#token.
func smallVault(t *testing.T, value *atomic.Pointer[string], key *transitKey) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Vault-Token") != "CANARY-token-of-vault":
			w.WriteHeader(http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, "/v1/transit/"):
			key.serve(w, r)
		case r.URL.Path == "/v1/sys/internal/ui/mounts/kv/app":
			fmt.Fprint(w, `{"data":{"path":"kv/","type":"kv","options":{"version":"2"}}}`)
		default:
			text, _ := json.Marshal(*value.Load()) // a string
			fmt.Fprintf(w, `{"data":{"data":{"token":%s},"metadata":{"created_time":"2026-01-01T00:00:00Z"}}}`, text)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

const rotationYAML = `
secret_store: {root: "transit:transit/doorward"}
vault: {address: %q, auth: {token_file: vault-token}}
secrets:
  in-file: {from: "file:token", max_age: 1h}
  in-store: {from: store, max_age: 1h}
  in-vault: {from: "vault:kv/app#token", max_age: 1h}
upstreams:
  file: {url: %q, credential: {bearer: in-file}}
  store: {url: %q, credential: {bearer: in-store}}
  vault: {url: %q, credential: {bearer: in-vault}}
roles: {user: {allow: [{tools: ["*/*"]}]}}
`

// S4: secrets of every place are replaced under 200 calls a second, in the order in which
// it is hardest: Doorward has the new one before the other side does, and then the other
// side has no other. No call fails, and the values are young again.
func TestSecretsAreReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	value := func(place string, n int) string { return fmt.Sprintf("CANARY-%s-%d-of-some-length", place, n) }
	dir := t.TempDir()
	inVault := &atomic.Pointer[string]{}
	first := value("vault", 1)
	inVault.Store(&first)
	doors, urls := map[string]*lockedDoor{}, map[string]string{}
	for _, place := range []string{"file", "store", "vault"} {
		doors[place], urls[place] = newLockedDoor(t, value(place, 1))
	}
	write := func(name, text string) {
		if err := durable.Replace(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write("token", value("file", 1))
	write("vault-token", "CANARY-token-of-vault")
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	key := &transitKey{}
	at := smallVault(t, inVault, key)
	client, err := vault.New(vault.Config{Address: at, Token: func() (string, error) { return "CANARY-token-of-vault", nil }, Lease: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	root, err := client.Transit("transit/doorward")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.OpenSecrets(data, store.RemoteSecretsRoot(root)).Set("in-store", value("store", 1), 0); err != nil {
		t.Fatal(err)
	}
	g := gatetest.GatewayAt(t, dir, fmt.Sprintf(rotationYAML, at, urls["file"], urls["store"], urls["vault"]), nil)
	g.Approve("")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var calls atomic.Int64
	for i := range 8 {
		client := g.As(fmt.Sprint("caller-", i), "user").Open(modern)
		wg.Go(func() {
			pace := time.NewTicker(40 * time.Millisecond)
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				place := []string{"file", "store", "vault"}[n%3]
				if r := client.Call(place+"__echo", `{}`); r.Status != http.StatusOK || strings.Contains(string(r.Body), `"error"`) {
					t.Errorf("a call of %s failed: %s", place, r)
				}
				calls.Add(1)
			}
		})
	}
	atLeast := func(more int64) {
		want := calls.Load() + more
		eventually(t, "more calls", func() bool { return calls.Load() >= want })
	}
	for n := 2; n <= 3; n++ {
		atLeast(30)
		write("token", value("file", n))
		if _, err := g.App.SetSecret(t.Context(), "test", admin.SecretValue{Name: "in-store", Value: value("store", n), Overlap: time.Hour}); err != nil {
			t.Fatal(err)
		}
		next := value("vault", n)
		inVault.Store(&next)
		atLeast(60)
		for place, door := range doors {
			token := value(place, n)
			door.token.Store(&token)
		}
		key.version.Add(1)
		if _, err := g.App.ReplaceSecretsRoot(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
		atLeast(60)
	}
	close(stop)
	wg.Wait()
	for place, door := range doors {
		if door.turned.Load() == 0 {
			t.Errorf("%s turned nobody away: nothing was tried again", place)
		}
	}
	ages, err := g.App.Ages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range ages {
		if wantWithin := age.Name != "in-vault"; age.Kind == "secret" && (age.Within != wantWithin || age.Fault != "") {
			t.Errorf("%s: %+v", age.Name, age)
		}
	}
	// The one that is older than it may be is told, once, and raises an alert.
	old := g.Records(audit.Query{Event: "secret.overdue"})
	if len(old) != 1 || !strings.HasPrefix(old[0].Detail, "secret in-vault has its value since 2026-01-01T00:00:00Z") {
		t.Errorf("%d events of what is overdue: %+v", len(old), old)
	}
	eventually(t, "an alert", func() bool { return len(g.Records(audit.Query{Event: "alert.raised"})) > 0 })
	// What the next start would refuse is refused, and a name that is none comes to no record.
	twin := value("file", 3)
	if _, err := g.App.SetSecret(t.Context(), "test", admin.SecretValue{Name: "in-store", Value: twin}); err == nil || !strings.Contains(err.Error(), "secrets.in-file") || strings.Contains(err.Error(), twin) {
		t.Errorf("the value of another secret: %v", err)
	}
	if err := g.App.RemoveSecret(t.Context(), "test", twin); err == nil || strings.Contains(err.Error(), twin) {
		t.Errorf("a value in a name's place: %v", err)
	}
	if gone := g.Records(audit.Query{Event: "secret.remove"}); len(gone) != 0 {
		t.Errorf("%d records of removing what cannot be", len(gone))
	}
	if set := g.Records(audit.Query{Event: "secret.set"}); len(set) < 2 {
		t.Errorf("%d events of setting a secret", len(set))
	}
	for _, place := range []string{"file", "store", "vault"} {
		if log := g.Log(); strings.Contains(log, value(place, 1)) || strings.Contains(log, value(place, 3)) {
			t.Errorf("the log holds the secret of %s", place)
		}
	}
}
