package gatetest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
)

// The endpoints of an identity provider, as On, Hang and Asked name them.
const (
	Metadata      = "metadata"
	Keys          = "keys"
	Introspection = "introspection"
	Tokens        = "token"
)

// IDP is an identity provider: an authorization server with metadata (RFC 8414 and
// OpenID Connect Discovery 1.0), keys (RFC 7517), and introspection (RFC 7662) and tokens by client
// credentials (RFC 6749, section 4.4) for one client, which is the gateway. It is honest until the test says otherwise.
type IDP struct {
	Client    string // the gateway's client_id
	ClientKey *Key   // its key for private_key_jwt

	t       testing.TB
	address string      // host and port, the same after each Rise
	tls     *tls.Config // nil: in the clear
	ca      []byte      // PEM, with tls

	over chan struct{} // closed when the test ends: lets go what hangs

	mu       sync.Mutex
	secret   string       // the gateway's client_secret
	server   *http.Server // nil while it is dead
	ended    chan struct{}
	keys     []*Key
	members  map[string]any    // of the metadata
	opaque   map[string]string // what introspection answers about a token
	lies     map[string]http.HandlerFunc
	asked    map[string]int
	grants   []Grant
	audience string
	gateways []*GW
	secrets  []string // of the time before there was a gateway
}

// Provider starts an identity provider with one key, for ES256. It ends with the test.
func Provider(t testing.TB) *IDP {
	t.Helper()
	return idp(t, ownAddress(), nil, nil)
}

func idp(t testing.TB, address string, secure *tls.Config, ca []byte) *IDP {
	t.Helper()
	i := &IDP{
		Client: "gateway", ClientKey: NewKey(t, "ES256", "client-1"),
		t: t, address: address, tls: secure, ca: ca, over: make(chan struct{}),
		opaque: map[string]string{}, lies: map[string]http.HandlerFunc{}, asked: map[string]int{},
	}
	i.Rotate()
	i.hide(i.ClientKey.texts()...)
	i.Add("ES256")
	i.Rise()
	i.members = map[string]any{
		"issuer": i.URL(), "jwks_uri": i.URL() + "/jwks", "introspection_endpoint": i.URL() + "/introspect",
		"authorization_endpoint": i.URL() + "/authorize", "token_endpoint": i.URL() + "/token", "response_types_supported": []string{"code"},
	}
	t.Cleanup(func() {
		close(i.over)
		i.Die()
	})
	return i
}

// ownAddress is one that no other server or client of this machine uses, where the
// system has more than one loopback address: whoever dies can rise there.
func ownAddress() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.%d.%d.%d:0", 1+mathrand.IntN(254), mathrand.IntN(256), 1+mathrand.IntN(254))
}

// canary is a text that nobody else has, for what must be nowhere else.
func canary(kind string) string { return "CANARY-" + kind + "-" + rand.Text() }

// Rotate gives the gateway another client secret, of which nobody tells it.
func (i *IDP) Rotate() {
	secret := canary("client-secret")
	i.hide(secret)
	i.mu.Lock()
	i.secret = secret
	i.mu.Unlock()
}

// URL is its identifier, which tokens have as iss.
func (i *IDP) URL() string {
	scheme := "http"
	if i.tls != nil {
		scheme = "https"
	}
	return scheme + "://" + i.address
}

// For makes g the one whom its tokens are for, and holds g to keeping what is
// secret about them.
func (i *IDP) For(g *GW) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.audience = g.URL()
	i.gateways = append(i.gateways, g)
	g.Hide(i.secrets...)
}

// hide makes texts secret: no gateway may repeat them.
func (i *IDP) hide(texts ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.secrets = append(i.secrets, texts...)
	for _, g := range i.gateways {
		g.Hide(texts...)
	}
}

// Rise makes it serve, at the address that it had before.
func (i *IDP) Rise() {
	i.t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", i.address)
	if err != nil {
		i.t.Fatalf("the identity provider: %v", err)
	}
	i.address = ln.Addr().String()
	if i.tls != nil {
		ln = tls.NewListener(ln, i.tls)
	}
	server, ended := &http.Server{Handler: i, ErrorLog: log.New(io.Discard, "", 0)}, make(chan struct{})
	i.mu.Lock()
	i.server, i.ended = server, ended
	i.mu.Unlock()
	go func() {
		defer close(ended)
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			i.t.Errorf("the identity provider: %v", err)
		}
	}()
}

// Die makes it refuse connections, and ends those that there are.
func (i *IDP) Die() {
	i.mu.Lock()
	server, ended := i.server, i.ended
	i.server = nil
	i.mu.Unlock()
	if server != nil {
		_ = server.Close() // it has no more to say
		<-ended
	}
}

// On makes an endpoint answer with lie; nil makes it honest again.
func (i *IDP) On(endpoint string, lie http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if lie == nil {
		delete(i.lies, endpoint)
		return
	}
	i.lies[endpoint] = lie
}

// Say sets a member of the metadata; nil takes it away.
func (i *IDP) Say(name string, value any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.members = maps.Clone(i.members)
	i.members[name] = value
	if value == nil {
		delete(i.members, name)
	}
}

// Hang makes an endpoint answer nothing until release is called, and then be
// honest. arrived is closed when the first request hangs.
func (i *IDP) Hang(endpoint string) (arrived <-chan struct{}, release func()) {
	first, gate := make(chan struct{}), make(chan struct{})
	var arrive, open sync.Once
	i.On(endpoint, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http looks for the client's end only behind the body
		arrive.Do(func() { close(first) })
		select {
		case <-gate:
		case <-i.over:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	})
	return first, func() {
		open.Do(func() {
			i.On(endpoint, nil)
			close(gate)
		})
	}
}

// Asked is how often an endpoint was asked.
func (i *IDP) Asked(endpoint string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[endpoint]
}

// ServeHTTP implements http.Handler.
func (i *IDP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint := map[string]string{
		"/.well-known/oauth-authorization-server": Metadata, "/.well-known/openid-configuration": Metadata,
		"/jwks": Keys, "/introspect": Introspection, "/token": Tokens,
	}[r.URL.Path]
	i.mu.Lock()
	i.asked[endpoint]++
	lie, members, keys := i.lies[endpoint], i.members, i.keys
	i.mu.Unlock()
	switch {
	case endpoint == "":
		http.NotFound(w, r)
	case lie != nil:
		lie(w, r)
	case endpoint == Metadata:
		i.answer(w, members)
	case endpoint == Keys:
		i.answer(w, KeySet(keys...))
	case endpoint == Tokens:
		i.grant(w, r)
	default:
		i.introspect(w, r)
	}
}

func (i *IDP) answer(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		i.t.Errorf("the identity provider: %v", err)
	}
	Says("application/json", string(b))(w, nil)
}
