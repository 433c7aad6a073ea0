package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
	"doorward/internal/httpsig"
	"doorward/internal/store/storetest"
)

// replicas are two gateways that share a Redis, each before an upstream of its own,
// so that each upstream's calls are one gateway's. Both have one public URL, as
// behind a proxy.
type replicas struct {
	t      *testing.T
	redis  *storetest.Server
	ups    [2]*gatetest.UP
	all    [2]*gatetest.GW
	ports  [2]int
	http   *http.Client
	signer admin.NewKey
}

const sharing = `
version: 1
data_dir: data
listen: {address: "127.0.0.1:%d", public_url: "https://mcp.example.com"}
identity: {api_keys: true, signed_requests: {window: 5m}}
upstreams: {up: {url: "${up}"}}
secrets: {redis: {from: "file:%s"}}
state: {redis: redis}
`

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	r := &replicas{t: t, redis: storetest.Redis(t)}
	secret := filepath.Join(t.TempDir(), "redis-url")
	if err := os.WriteFile(secret, []byte(r.redis.URL()), 0o600); err != nil {
		t.Fatal(err)
	}
	parts := func(n int) (yaml string, ups map[string]*gatetest.UP) {
		r.ports[n], r.ups[n] = storetest.FreePort(t), gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
		return fmt.Sprintf(sharing, r.ports[n], secret), map[string]*gatetest.UP{"up": r.ups[n]}
	}
	r.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: limit}
	t.Cleanup(r.http.CloseIdleConnections)
	yaml, ups := parts(0)
	r.all[0] = gatetest.Gateway(t, yaml, ups)
	var err error
	if r.signer, err = r.all[0].App.CreateKey(t.Context(), "test", admin.KeyRequest{Name: "job", Signing: true}); err != nil {
		t.Fatal(err)
	}
	yaml, ups = parts(1)
	r.all[1] = gatetest.Replica(t, r.all[0], yaml, ups)
	for _, g := range r.all {
		g.Hide(r.signer.Text)
		g.Approve("")
	}
	return r
}

// signed is a call, signed for the gateways' public URL.
func (r *replicas) signed(nonce string, made time.Time) (body []byte, h http.Header) {
	r.t.Helper()
	c := gatetest.Client{Version: modern}
	body = c.Request("1", "tools/call", `"name":"up__echo","arguments":{}`)
	h = c.Headers(body)
	sig, err := httpsig.Sign(
		httpsig.Request{Method: http.MethodPost, Base: "https://mcp.example.com", Target: "/mcp", Header: h},
		httpsig.Key{ID: r.signer.ID, Secret: httpsig.Secret(r.signer.Text)},
		httpsig.Params{Created: made, Nonce: nonce, Digest: sha256.Sum256(body)})
	if err != nil {
		r.t.Fatal(err)
	}
	maps.Copy(h, sig)
	return body, h
}

// post sends it to one replica; code is that of a refusal.
func (r *replicas) post(n int, body []byte, h http.Header) (status int, code string) {
	r.t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/mcp", r.ports[n])
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = h.Clone()
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	var m struct {
		Error struct{ Data struct{ Code string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		r.t.Error(err)
	}
	return resp.StatusCode, m.Error.Data.Code
}

func nonceOf(n int) string { return "nonce-of-the-test-" + strconv.Itoa(n) }

// soon is a time that every memory which has begun by now takes: they count in
// whole seconds.
func soon() time.Time { return time.Now().Add(2 * time.Second).Truncate(time.Second) }

// AUT-39: the same signed request, a hundred times at once to two replicas. A machine that lets Redis not answer within the
// second or two that it has makes them refuse, which is right and shows nothing: then another hundred shows it.
func TestAUT39_OneOfAHundred(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	refused, calls := 0, 0
	count := map[int]int{}
	for n := 1; len(count) == 0 || count[http.StatusServiceUnavailable] > 0 && n <= 10; n++ {
		count = r.hundred(nonceOf(n))
		refused += count[http.StatusUnauthorized]
		calls += count[http.StatusOK]
		if count[http.StatusOK] > 1 || count[http.StatusOK]+count[http.StatusUnauthorized]+count[http.StatusServiceUnavailable] != 100 {
			t.Fatalf("answers by status: %v", count)
		}
	}
	if count[http.StatusOK] != 1 || count[http.StatusUnauthorized] != 99 {
		t.Errorf("answers by status: %v", count)
	}
	if n := r.ups[0].Count("tools/call") + r.ups[1].Count("tools/call"); n != calls {
		t.Errorf("%d calls reached an upstream, and %d were answered", n, calls)
	}
	records := 0
	for _, g := range r.all {
		records += len(g.Records(audit.Query{Code: "identity.invalid"}))
	}
	if records != refused {
		t.Errorf("%d refusals are on record, want %d", records, refused)
	}
}

// hundred sends one signed request a hundred times at once, and counts the answers by status.
func (r *replicas) hundred(nonce string) map[int]int {
	r.t.Helper()
	body, h := r.signed(nonce, soon())
	var wg sync.WaitGroup
	statuses := make(chan int, 100)
	start := make(chan struct{})
	for i := range 100 {
		wg.Go(func() {
			<-start
			status, _ := r.post(i%2, body, h)
			statuses <- status
		})
	}
	close(start)
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	return count
}

// AUT-44: without its memory a replica refuses, and one that was emptied takes
// nothing from before.
func TestAUT44_TheMemoryIsLost(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	want := func(what string, status, n int, nonce string, made time.Time) {
		t.Helper()
		body, h := r.signed(nonce, made)
		if got, code := r.post(n, body, h); got != status {
			t.Errorf("%s: %d %s, want %d", what, got, code, status)
		}
	}
	before := time.Now().Truncate(time.Second)
	eventually(t, "a request made now is taken", func() bool {
		before = time.Now().Truncate(time.Second)
		body, h := r.signed(nonceOf(int(time.Now().UnixNano())), before)
		status, _ := r.post(0, body, h)
		return status == http.StatusOK
	})
	want("a request", http.StatusOK, 0, nonceOf(1), before)
	want("a replay", http.StatusUnauthorized, 1, nonceOf(1), before)
	r.redis.Do("FLUSHALL")
	want("a replay after the memory was emptied", http.StatusUnauthorized, 1, nonceOf(1), before)
	made := soon().Add(2 * time.Second)
	want("a request made since", http.StatusOK, 1, nonceOf(2), made)
	r.redis.Stop()
	want("while the memory is down", http.StatusServiceUnavailable, 0, nonceOf(3), made)
	r.redis.Start()
	eventually(t, "signed requests are taken again", func() bool {
		body, h := r.signed(nonceOf(int(time.Now().UnixNano())), soon().Add(2*time.Second))
		status, _ := r.post(0, body, h)
		return status == http.StatusOK
	})
}

// AUT-23: what one replica revokes, the other turns away.
func TestAUT23_RevokedOnEveryReplica(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	n := 0
	call := func() int {
		n++
		body, h := r.signed(nonceOf(n), soon())
		status, _ := r.post(1, body, h)
		return status
	}
	if status := call(); status != http.StatusOK {
		t.Fatalf("before: %d", status)
	}
	if err := r.all[0].App.RevokeKey(t.Context(), "test", r.signer.ID); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "the other replica turns the key away", func() bool {
		return call() == http.StatusUnauthorized
	})
}
