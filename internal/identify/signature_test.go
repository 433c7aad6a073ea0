package identify_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/httpsig"
	"doorward/internal/identify"
)

// signers has one good key; odd ids make it misbehave.
type signers struct {
	keys
	used []string
}

func (s *signers) Signer(id string) ([32]byte, identify.KeyInfo, error) {
	key := identify.KeyInfo{ID: id, Name: "alice", Roles: []string{"reader"}}
	switch id {
	case "k_1":
		return httpsig.Secret(good), key, nil
	case "k_expired":
		return httpsig.Secret(good), key, identify.ErrExpired
	case "k_revoked":
		return httpsig.Secret(good), key, identify.ErrRevoked
	case "k_unsigning":
		return httpsig.Secret(good), identify.KeyInfo{}, identify.ErrNoSigning
	case "k_down":
		return [32]byte{}, key, errors.New("disk")
	case "k_panic":
		panic("secret")
	}
	return httpsig.Secret("decoy"), identify.KeyInfo{}, identify.ErrUnknown
}

func (s *signers) Used(id string) { s.used = append(s.used, id) }

// once is a memory that a test can break.
type once struct {
	seen  map[string]bool
	until []time.Duration
	err   error
}

func (o *once) Use(_ context.Context, key string, made, until time.Time) (bool, error) {
	fresh := !o.seen[key]
	o.seen[key] = true
	o.until = append(o.until, until.Sub(made))
	return fresh && o.err == nil, o.err
}

const window = 5 * time.Minute

type signed struct {
	keys *signers
	once *once
	*identify.Stage
}

func newSigned(t *testing.T) *signed {
	t.Helper()
	s := &signed{keys: &signers{}, once: &once{seen: map[string]bool{}}}
	s.Stage = stage(t, identify.Config{
		APIKeys: true, Keys: s.keys, Anonymous: &identify.AnonymousPrincipal{Subject: "local"},
		Signatures: &identify.SignatureMethod{Keys: s.keys, Once: s.once, Window: window},
	})
	return s
}

// request is a signed request on loopback, where one without a credential passes.
func request(t *testing.T, id string, made time.Time, change func(*gate.Inbound)) *gate.Exchange {
	t.Helper()
	ex := from("127.0.0.1")
	in := &ex.Inbound
	in.Base, in.Target, in.Method = base, "/mcp?x=1", http.MethodPost
	in.Header.Set("Content-Type", "application/json")
	in.Header.Set("Mcp-Method", "tools/call")
	r := httpsig.Request{Method: in.Method, Base: in.Base, Target: in.Target, Header: in.Header.Clone()}
	for name, key := range in.Keys {
		r.Header.Set(name, key.Reveal())
	}
	h, err := httpsig.Sign(r, httpsig.Key{ID: id, Secret: httpsig.Secret(good)}, httpsig.Params{Created: made, Nonce: nonce, Digest: sha256.Sum256([]byte("{}"))})
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(in.Header, h)
	if change != nil {
		change(in)
	}
	return ex
}

const nonce = "nonce-of-a-request-1"

func TestASignatureIsItsKeysOwner(t *testing.T) {
	s := newSigned(t)
	ex := request(t, "k_1", time.Now(), nil)
	if c := code(t, s.Stage, ex); c != "" {
		t.Fatalf("refused: %s", c)
	}
	p := ex.Principal
	if p.Method != gate.MethodSignature || p.Subject != "alice" || p.Credential != "k_1" || ex.Digest == nil || *ex.Digest != sha256.Sum256([]byte("{}")) {
		t.Errorf("principal %+v, digest %v", p, ex.Digest)
	}
	if want := (&gate.Principal{Realm: gate.RealmKeys, Subject: "alice"}).Key(); p.Key() != want {
		t.Errorf("it is another principal than the bearer of the key: %q", p.Key())
	}
	if len(s.keys.used) != 1 || s.once.until[0] < 2*window {
		t.Errorf("used %v, remembered for %v", s.keys.used, s.once.until)
	}
	if c := code(t, s.Stage, request(t, "k_1", time.Now(), nil)); c != gate.CodeBadCredential {
		t.Errorf("a replay: %q", c)
	}
}

// AUT-38 to AUT-42, as far as the stage decides: httpsig has the forms.
func TestABadSignatureIsRefused(t *testing.T) {
	const invalid, down = gate.CodeBadCredential, gate.CodeIdentityDown
	now := time.Now()
	set := func(name, value string) func(*gate.Inbound) {
		return func(in *gate.Inbound) { in.Header.Set(name, value) }
	}
	for _, tc := range []struct {
		name    string
		id      string
		made    time.Time
		change  func(*gate.Inbound)
		want    gate.Code
		subject string
	}{
		{"299 s old", "k_1", now.Add(-299 * time.Second), nil, "", "alice"},
		{"299 s ahead", "k_1", now.Add(299 * time.Second), nil, "", "alice"},
		{"301 s old", "k_1", now.Add(-301 * time.Second), nil, invalid, ""},
		{"302 s ahead", "k_1", now.Add(302 * time.Second), nil, invalid, ""},
		{"unknown key", "k_nobody", now, nil, invalid, ""},
		{"expired key", "k_expired", now, nil, gate.CodeExpiredCredential, "alice"},
		{"revoked key", "k_revoked", now, nil, invalid, "alice"},
		{"key that may not sign", "k_unsigning", now, nil, invalid, ""},
		{"expired key, other request", "k_expired", now, set("Mcp-Method", "tools/list"), invalid, ""},
		{"store down", "k_down", now, nil, down, ""},
		{"store panics", "k_panic", now, nil, down, ""},
		{"other method", "k_1", now, func(in *gate.Inbound) { in.Method = "DELETE" }, invalid, ""},
		{"other path", "k_1", now, func(in *gate.Inbound) { in.Target = "/mcp/other?x=1" }, invalid, ""},
		{"other query", "k_1", now, func(in *gate.Inbound) { in.Target = "/mcp?x=2" }, invalid, ""},
		{"other host", "k_1", now, func(in *gate.Inbound) { in.Base = "https://other.test" }, invalid, ""},
		{"other header", "k_1", now, set("Mcp-Method", "tools/list"), invalid, ""},
		{"header more", "k_1", now, set("Mcp-Name", "x"), invalid, ""},
		{"header less", "k_1", now, func(in *gate.Inbound) { in.Header.Del("Mcp-Method") }, invalid, ""},
		{"signature alone", "k_1", now, func(in *gate.Inbound) { in.Header.Del("Signature-Input") }, invalid, ""},
		{"input alone", "k_1", now, func(in *gate.Inbound) { in.Header.Del("Signature") }, invalid, ""},
		{"no digest", "k_1", now, func(in *gate.Inbound) { in.Header.Del("Content-Digest") }, invalid, ""},
		{"body of an operation without one", "k_1", now, func(in *gate.Inbound) { in.Op = gate.OpStream }, invalid, ""},
		{"connection of many messages", "k_1", now, func(in *gate.Inbound) { in.Transport = "websocket" }, invalid, ""},
		{"its key beside it", "k_1", now, set("Authorization", "Bearer "+good), "", "alice"},
		{"a bad key beside it", "k_1", now, set("Authorization", "Bearer dw_x"), invalid, ""},
		{"a key of the client's that was not signed", "k_1", now, func(in *gate.Inbound) {
			in.Keys = map[string]gate.Secret{"X-Gemini-Key": gate.NewSecret("x")}
		}, invalid, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := request(t, tc.id, tc.made, tc.change)
			if got := code(t, newSigned(t).Stage, ex); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if ex.Attempt.Subject != tc.subject {
				t.Errorf("attempt of %q, want %q", ex.Attempt.Subject, tc.subject)
			}
		})
	}
}

// A nonce is used up by a good signature alone, and a memory that fails refuses (AUT-44).
func TestNonces(t *testing.T) {
	s := newSigned(t)
	ex := request(t, "k_1", time.Now(), func(in *gate.Inbound) { in.Target = "/mcp" })
	if c := code(t, s.Stage, ex); c != gate.CodeBadCredential || len(s.once.seen) != 0 {
		t.Errorf("a bad signature: %q, nonces %v", c, s.once.seen)
	}
	s.once.err = errors.New("down")
	if c := code(t, s.Stage, request(t, "k_1", time.Now(), nil)); c != gate.CodeIdentityDown || len(s.keys.used) != 0 {
		t.Errorf("a memory that fails: %q", c)
	}
}

func TestASignatureWhereThereIsNoMethodForIt(t *testing.T) {
	s := stage(t, identify.Config{APIKeys: true, Keys: &keys{}, Anonymous: &identify.AnonymousPrincipal{Subject: "local"}})
	if c := code(t, s, request(t, "k_1", time.Now(), nil)); c != gate.CodeBadCredential {
		t.Errorf("got %q", c)
	}
}
