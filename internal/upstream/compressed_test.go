package upstream_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"
	"testing/synctest"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// RES-25: Doorward asks for no compressed answer and unpacks none, so one that would grow
// a thousandfold is bytes that are no message, whatever it calls itself.
func TestRES25_NothingIsUnpacked(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(bytes.Repeat([]byte(" "), 4<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"gzip", "br", "zstd", "deflate, gzip"} {
		for kind, code := range map[string]gate.Code{"application/json": gate.CodeUpstreamProtocol, "text/event-stream": gate.CodeUpstreamOutcome} {
			t.Run(encoding+" "+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					asked := ""
					w := &way{faults: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
						asked = r.Header.Get("Accept-Encoding")
						return says(200, packed.String(), "Content-Encoding", encoding, "Content-Type", kind)(r)
					}}}
					p, _, _ := wayPool(t, w, func(cfg *upstream.Config) { cfg.Upstreams[0].MaxResult = 1 << 20 })
					n, err := carry(t, p, echo(t))
					wantCode(t, err, code)
					if n != 0 || asked != "" {
						t.Errorf("%d messages; asked for %q", n, asked)
					}
				})
			})
		}
	}
}
