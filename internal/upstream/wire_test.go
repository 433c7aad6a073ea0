package upstream

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Clients' own keys go over HTTP/1.1, whose connections remember no header; all
// else goes over HTTP/2 where the upstream has it.
func TestNewWire_OwnKeysAreNotCompressed(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	for request, want := range map[string]int{"": 2, "X-Gemini-Key": 1} {
		wire := newWire(Settings{URL: srv.URL, Credential: Credential{Header: "X-Api-Key", Request: request}}).(*http.Transport)
		t.Cleanup(wire.CloseIdleConnections)
		wire.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS13}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := wire.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != want {
			t.Errorf("with request key %q: HTTP/%d, want %d", request, resp.ProtoMajor, want)
		}
	}
}
