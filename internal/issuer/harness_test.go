package issuer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/issuer"
)

const (
	ours    = "https://gw.test/mcp"
	issuer1 = "http://127.0.0.1/one" // loopback, so that the test network may speak HTTP
)

// pair is a private key and what its issuer says of it.
type pair struct {
	kid, alg string
	private  crypto.Signer
}

// The keys of the tests, each made once.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSA = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return must(private, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return b64(sum[:])
}

func encode(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(must(json.Marshal(v)))
}

// sign signs like any other JWS library would: from its own reading of RFC 7518.
func sign(alg string, private crypto.Signer, input string) []byte {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	if alg == "EdDSA" {
		return must(private.Sign(nil, []byte(input), crypto.Hash(0)))
	}
	h := hash.New()
	h.Write([]byte(input))
	sum := h.Sum(nil)
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if alg[:2] == "PS" {
			return must(rsa.SignPSS(rand.Reader, k, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(nil, k, hash, sum))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum)
		if err != nil {
			panic(err)
		}
		size := (k.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	panic("no such key")
}

// jws makes a signed token of any header and payload: objects, or text as it is.
func jws(header, payload any, alg string, private crypto.Signer) string {
	input := b64([]byte(encode(header))) + "." + b64([]byte(encode(payload)))
	return input + "." + b64(sign(alg, private, input))
}

type fields = map[string]any

// with is a copy of f with other members; a nil value takes one away.
func with(f fields, more ...any) fields {
	f = maps.Clone(f)
	for i := 0; i < len(more); i += 2 {
		if name := more[i].(string); more[i+1] == nil {
			delete(f, name)
		} else {
			f[name] = more[i+1]
		}
	}
	return f
}

// claims are those of a good token.
func claims(more ...any) fields {
	now := time.Now().Unix()
	return with(fields{
		"iss": issuer1, "sub": "alice", "aud": ours, "exp": now + 600, "iat": now - 1,
		"client_id": "agent", "jti": "t-1", "scope": "tools.read tools.call",
	}, more...)
}

// header is that of a good token by the first key.
func header(more ...any) fields {
	return with(fields{"alg": "ES256", "typ": "at+jwt", "kid": "k1"}, more...)
}

// good is a token by the first key, with other claims.
func good(more ...any) string { return jws(header(), claims(more...), "ES256", p256Key()) }

// jwk is the public half of a key.
func jwk(p pair) fields {
	var f fields
	switch k := p.private.Public().(type) {
	case *rsa.PublicKey:
		f = fields{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		raw := must(k.Bytes())
		half := len(raw) / 2
		f = fields{"kty": "EC", "crv": k.Curve.Params().Name, "x": b64(raw[1 : half+1]), "y": b64(raw[half+1:])}
	case ed25519.PublicKey:
		f = fields{"kty": "OKP", "crv": "Ed25519", "x": b64(k)}
	}
	if p.kid != "" {
		f["kid"] = p.kid
	}
	if p.alg != "" {
		f["alg"] = p.alg
	}
	return f
}

// thumbprint is RFC 7638 of the public half.
func thumbprint(private crypto.Signer) string {
	f := jwk(pair{private: private}) // the required members alone, which json.Marshal sorts
	return sha(encode(f))
}

func keySet(keys ...any) string { return encode(fields{"keys": append([]any{}, keys...)}) }

func pemOf(private crypto.Signer) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))}))
}

// pipes is a network in memory, so that time can be that of a synctest bubble.
// Every address leads to the one server.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	mu     sync.Mutex
	asked  []string // addresses that were dialed
	down   bool
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p.mu.Lock()
	p.asked = append(p.asked, address)
	down := p.down
	p.mu.Unlock()
	if down {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
	case <-p.closed:
	}
	client.Close()
	server.Close()
	return nil, errors.New("connection refused")
}

func (p *pipes) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func (p *pipes) dialed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (*pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// question is a request for introspection.
type question struct {
	form          url.Values
	authorization string
}

// idp is an issuer that does as it is told.
type idp struct {
	mu      sync.Mutex
	keys    string                                            // the key set
	meta    string                                            // the metadata
	answer  string                                            // to introspection
	handler func(w http.ResponseWriter, r *http.Request) bool // before all else; true: it answered
	hits    map[string]int
	asked   []question
}

func newIDP() *idp {
	return &idp{hits: map[string]int{}, keys: keySet(jwk(pair{kid: "k1", alg: "ES256", private: p256Key()}))}
}

// set changes it while it runs.
func (i *idp) set(change func(*idp)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *idp) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hits[path]
}

func (i *idp) questions() []question {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.asked)
}

func (i *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.hits[r.URL.Path]++
	handler, keys, meta, answer := i.handler, i.keys, i.meta, i.answer
	if r.Method == http.MethodPost {
		_ = r.ParseForm()
		i.asked = append(i.asked, question{r.PostForm, strings.Join(r.Header["Authorization"], "|")})
	}
	i.mu.Unlock()
	if handler != nil && handler(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/jwks" && r.Method == http.MethodGet:
		fmt.Fprint(w, keys)
	case strings.Contains(r.URL.Path, "/.well-known/") && meta != "":
		fmt.Fprint(w, meta)
	case r.URL.Path == "/introspect" && r.Method == http.MethodPost:
		fmt.Fprint(w, answer)
	default:
		http.NotFound(w, r)
	}
}

// settings are those of the first issuer.
func settings() issuer.Settings {
	return issuer.Settings{Issuer: issuer1, Algorithms: []string{"ES256"}, JWKSURL: "http://127.0.0.1/jwks"}
}

// opaque are those of the first issuer with introspection, and no keys.
func opaque() issuer.Settings {
	return issuer.Settings{Issuer: issuer1, Introspection: &issuer.Introspection{
		URL: "http://127.0.0.1/introspect", ClientID: "doorward", Method: "client_secret_basic",
		Secret: func() (string, error) { return "s3cret", nil },
	}}
}

// serve serves h on a network in memory until the test ends.
func serve(t testing.TB, h http.Handler) *pipes {
	t.Helper()
	network := newPipes()
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(network) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), network.Close()); err != nil {
			t.Error(err)
		}
		<-done
	})
	return network
}

// start opens a set whose issuers are all on the network, until the test ends.
func start(t testing.TB, network *pipes, cfg issuer.Config) *issuer.Set {
	t.Helper()
	s, err := issuer.OpenDialed(cfg, network.dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

func closed(t testing.TB, s *issuer.Set) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// one is a set with one issuer, which has the first key.
func one(t testing.TB, change func(*issuer.Settings)) *issuer.Set {
	t.Helper()
	s := settings()
	if change != nil {
		change(&s)
	}
	return start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{s}})
}

func resource(audience string) func(string) string { return func(string) string { return audience } }

// verify judges a token for our resource.
func verify(s *issuer.Set, token string) (issuer.Token, error) {
	return s.Verify(context.Background(), nobody, token, resource(ours))
}

// refused fails the test unless the token is judged, and refused.
func refused(t *testing.T, s *issuer.Set, token string) {
	t.Helper()
	got, err := verify(s, token)
	if !errors.Is(err, issuer.ErrInvalid) || got.Subject != "" {
		t.Errorf("got %+v, %v; want a refusal", got, err)
		return
	}
	quiet(t, err, token)
}

// quiet fails the test if an error repeats a part of a token, or is more than
// one printable line.
func quiet(t *testing.T, err error, token string) {
	t.Helper()
	text := err.Error()
	if len(text) > 300 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("the error is not one short printable line: %q", text)
	}
	for part := range strings.SplitSeq(token, ".") {
		for i := 0; i+12 <= len(part); i += 12 {
			if strings.Contains(text, part[i:i+12]) {
				t.Errorf("the error %q repeats the token", text)
			}
		}
	}
}

// cheap fails the test if judging size bytes takes more than 50 ms, or memory
// of more than 100 times the size.
func cheap(t *testing.T, size int, judge func()) {
	t.Helper()
	const tries = 5 // others use the processor too
	least := time.Hour
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range tries {
		begin := time.Now()
		judge()
		least = min(least, time.Since(begin))
	}
	runtime.ReadMemStats(&after)
	if least > slowdown*50*time.Millisecond {
		t.Errorf("%d bytes took %s", size, least)
	}
	if used, most := (after.TotalAlloc-before.TotalAlloc)/tries, uint64(100*size+64<<10); used > most {
		t.Errorf("%d bytes took %d bytes of memory, at most %d", size, used, most)
	}
}

// accepted fails the test unless the token is accepted.
func accepted(t *testing.T, s *issuer.Set, token string) issuer.Token {
	t.Helper()
	got, err := verify(s, token)
	if err != nil {
		t.Fatalf("a good token: %v", err)
	}
	return got
}

// unavailable fails the test unless the token cannot be judged.
func unavailable(t *testing.T, s *issuer.Set, token string) {
	t.Helper()
	if err := whyUnavailable(t, s, token); err != nil {
		quiet(t, err, token)
	}
}

func whyUnavailable(t *testing.T, s *issuer.Set, token string) error {
	t.Helper()
	got, err := verify(s, token)
	if err == nil || errors.Is(err, issuer.ErrInvalid) || errors.Is(err, issuer.ErrExpired) || got.Subject != "" {
		t.Errorf("got %+v, %v; want that it cannot be judged", got, err)
	}
	return err
}

// nobody is whom a request comes from where that does not matter.
var nobody netip.Addr
