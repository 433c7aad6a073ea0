package identify_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/identify"
)

const good = "dw_0123456789-_abcdefghijklmnopqrstuvwxyzABCDEFG"

// keys knows one key; odd texts make it misbehave.
type keys struct{ asked []string }

func (k *keys) Lookup(text string) (identify.KeyInfo, error) {
	k.asked = append(k.asked, text)
	switch text {
	case good:
		return identify.KeyInfo{ID: "k_1", Name: "alice", Roles: []string{"writer", "reader"}}, nil
	case "expired":
		return identify.KeyInfo{ID: "k_2", Name: "bob"}, fmt.Errorf("store: %w", identify.ErrExpired)
	case "late":
		return identify.KeyInfo{ID: "k_2", Name: "bob", Expires: time.Now()}, nil
	case "revoked":
		return identify.KeyInfo{ID: "k_3", Name: "eve"}, identify.ErrRevoked
	case "down":
		return identify.KeyInfo{ID: "k_1", Name: "alice"}, errors.New("disk")
	case "panic":
		panic("secret " + text)
	case "nil":
		var none *identify.KeyInfo
		return *none, nil
	case "nameless":
		return identify.KeyInfo{ID: "k_1"}, nil
	case "empty":
		return identify.KeyInfo{}, nil
	}
	return identify.KeyInfo{}, identify.ErrUnknown
}

func stage(t *testing.T, cfg identify.Config) *identify.Stage {
	t.Helper()
	s, err := identify.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func from(addr string, authorization ...string) *gate.Exchange {
	ex := &gate.Exchange{Inbound: gate.Inbound{Transport: "http", Header: http.Header{}}}
	if addr != "" {
		ex.Inbound.Remote = netip.MustParseAddr(addr)
	}
	for _, v := range authorization {
		ex.Inbound.Header.Add("Authorization", v)
	}
	return ex
}

// code is the refusal, whether it came as a verdict or as an error; empty when
// the exchange passed.
func code(t *testing.T, s *identify.Stage, ex *gate.Exchange) gate.Code {
	t.Helper()
	v, err := s.Judge(t.Context(), ex)
	if who := ex.Principal; who != nil && (who.Subject != ex.Attempt.Subject || who.Realm != ex.Attempt.Realm || who.Credential != ex.Attempt.Credential) {
		t.Errorf("principal %+v of the attempt %+v", who, ex.Attempt)
	}
	// Whom nobody asks about is refused before anybody knows who it is, or not at all.
	unknown := s.Revoked == nil && s.Suspended == nil
	if err != nil {
		if ex.Principal != nil && unknown {
			t.Error("an error left a principal")
		}
		return gate.CodeOf(err)
	}
	if v.Effect == gate.Continue && ex.Principal == nil || v.Effect != gate.Continue && ex.Principal != nil && unknown {
		t.Errorf("verdict %+v with principal %+v", v, ex.Principal)
	}
	if v.Effect == gate.Deny && v.Code == "" {
		t.Error("refused without a code")
	}
	return v.Code
}

func TestAGoodKeyIsItsOwner(t *testing.T) {
	k := &keys{}
	s := stage(t, identify.Config{APIKeys: true, Keys: k})
	want := &gate.Principal{Method: "api_key", Realm: "api_key", Subject: "alice", Credential: "k_1", Roles: []string{"reader", "writer"}}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		ex := from("203.0.113.9", scheme+good)
		if c := code(t, s, ex); c != "" {
			t.Fatalf("refused: %s", c)
		}
		if diff := cmp.Diff(want, ex.Principal); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]string{good, good, good}, k.asked); diff != "" {
		t.Errorf("the store was asked for something else:\n%s", diff)
	}
}

// Each of these is refused with every set of methods, from loopback too: a bad
// credential is not an absent one (AUT-21), and a store that fails lets nobody
// in (AUT-22).
func TestABadCredentialIsRefused(t *testing.T) {
	const invalid, expired, down = gate.CodeBadCredential, gate.CodeExpiredCredential, gate.CodeIdentityDown
	methods := map[string]identify.Config{
		"keys":               {APIKeys: true},
		"keys and anonymous": {APIKeys: true, Anonymous: &identify.AnonymousPrincipal{Subject: "local"}, Local: &identify.LocalPrincipal{Subject: "me"}},
	}
	for name, cfg := range methods {
		for _, tc := range []struct {
			name   string
			values []string
			want   gate.Code
		}{
			{"unknown", []string{"Bearer sk-random"}, invalid},
			{"revoked", []string{"Bearer revoked"}, invalid},
			{"expired", []string{"Bearer expired"}, expired},
			{"expired, and the store does not say so", []string{"Bearer late"}, expired},
			{"store down", []string{"Bearer down"}, down},
			{"store panics", []string{"Bearer panic"}, down},
			{"store panics at nil", []string{"Bearer nil"}, down},
			{"key without name", []string{"Bearer nameless"}, down},
			{"key without anything", []string{"Bearer empty"}, down},
			{"empty header", []string{""}, invalid},
			{"scheme alone", []string{"Bearer"}, invalid},
			{"scheme and space", []string{"Bearer "}, invalid},
			{"padding alone", []string{"Bearer =="}, invalid},
			{"key alone", []string{good}, invalid},
			{"Basic", []string{"Basic " + good}, invalid},
			{"Negotiate", []string{"Negotiate abc"}, invalid},
			{"scheme that begins alike", []string{"Bearers " + good}, invalid},
			{"two spaces", []string{"Bearer  " + good}, invalid},
			{"tab", []string{"Bearer\t" + good}, invalid},
			{"space before", []string{" Bearer " + good}, invalid},
			{"space after", []string{"Bearer " + good + " "}, invalid},
			{"newline", []string{"Bearer " + good + "\n"}, invalid},
			{"NUL", []string{"Bearer " + good + "\x00"}, invalid},
			{"not ASCII", []string{"Bearer " + good + "é"}, invalid},
			{"long s for s", []string{"Bearer ſ"}, invalid},
			{"two in one", []string{"Bearer " + good + ", Bearer " + good}, invalid},
			{"two headers", []string{"Bearer " + good, "Bearer " + good}, invalid},
			{"good and empty", []string{"Bearer " + good, ""}, invalid},
			{"too long", []string{"Bearer " + strings.Repeat("a", 512)}, invalid},
		} {
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				cfg.Keys = &keys{}
				s := stage(t, cfg)
				for _, local := range []bool{false, true} {
					ex := from("127.0.0.1", tc.values...)
					ex.Inbound.Local = local
					if got := code(t, s, ex); got != tc.want {
						t.Errorf("local %t: got %q, want %q", local, got, tc.want)
					}
				}
			})
		}
	}
}

func TestAHeaderWithoutValuesIsNoAbsentOne(t *testing.T) {
	s := stage(t, identify.Config{Anonymous: &identify.AnonymousPrincipal{Subject: "local"}})
	ex := from("127.0.0.1")
	ex.Inbound.Header["Authorization"] = nil
	if got := code(t, s, ex); got != gate.CodeBadCredential {
		t.Errorf("got %q", got)
	}
	if got := code(t, s, from("127.0.0.1", "Bearer "+good)); got != gate.CodeBadCredential {
		t.Errorf("a key where keys are off: got %q", got)
	}
}

func TestAnonymousIsForThisMachineOnly(t *testing.T) {
	s := stage(t, identify.Config{
		APIKeys: true, Keys: &keys{},
		Anonymous: &identify.AnonymousPrincipal{Subject: "local", Roles: []string{"reader"}},
	})
	for addr, want := range map[string]gate.Code{
		"127.0.0.1": "", "127.8.8.8": "", "::1": "", "::ffff:127.0.0.1": "",
		"": gate.CodeUnauthenticated, "10.0.0.1": gate.CodeUnauthenticated, "0.0.0.0": gate.CodeUnauthenticated,
		"::": gate.CodeUnauthenticated, "203.0.113.9": gate.CodeUnauthenticated, "::ffff:10.0.0.1": gate.CodeUnauthenticated,
		"fe80::1": gate.CodeUnauthenticated, "169.254.0.1": gate.CodeUnauthenticated, "::127.0.0.1": gate.CodeUnauthenticated,
	} {
		ex := from(addr)
		for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Api-Key", "Authorization_", "Cookie"} {
			ex.Inbound.Header.Set(h, "127.0.0.1")
		}
		if got := code(t, s, ex); got != want {
			t.Errorf("%s: got %q, want %q", addr, got, want)
		}
		if want == "" && (ex.Principal.Method != "anonymous" || ex.Principal.Subject != "local") {
			t.Errorf("%s: principal = %+v", addr, ex.Principal)
		}
	}
}

func TestStdioIsTheLocalUser(t *testing.T) {
	anonymous := &identify.AnonymousPrincipal{Subject: "guest", Roles: []string{"reader"}}
	local := &identify.LocalPrincipal{Subject: "me", Roles: []string{"b", "a"}}
	for _, tc := range []struct {
		name   string
		cfg    identify.Config
		method string
	}{
		{"local", identify.Config{Local: local}, "local"},
		{"both", identify.Config{Local: local, Anonymous: anonymous}, "local"},
		{"anonymous", identify.Config{Anonymous: anonymous}, "anonymous"},
		{"neither", identify.Config{APIKeys: true, Keys: &keys{}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := stage(t, tc.cfg)
			ex := &gate.Exchange{Inbound: gate.Inbound{Transport: "stdio", Local: true}}
			c := code(t, s, ex)
			if tc.method == "" {
				if c != gate.CodeUnauthenticated {
					t.Errorf("got %q", c)
				}
				return
			}
			if c != "" || ex.Principal.Method != tc.method {
				t.Errorf("got %q, principal %+v", c, ex.Principal)
			}
		})
	}
	s := stage(t, identify.Config{Local: local})
	if got := code(t, s, from("127.0.0.1")); got != gate.CodeUnauthenticated {
		t.Errorf("the local user over HTTP: got %q", got)
	}
}

// No reason and no error repeats what the client sent.
func TestNothingRepeatsTheCredential(t *testing.T) {
	s := stage(t, identify.Config{APIKeys: true, Keys: &keys{}})
	for _, value := range []string{"Bearer topsecret", "Basic topsecret", "Bearer topsecret topsecret", "topsecret", "Bearer panic"} {
		v, err := s.Judge(t.Context(), from("127.0.0.1", value))
		said := fmt.Sprintf("%+v %v", v, err)
		if strings.Contains(said, "topsecret") || strings.Contains(said, "secret panic") {
			t.Errorf("%q is repeated in %q", value, said)
		}
	}
}

func TestAnEarlierPrincipalDoesNotSurvive(t *testing.T) {
	s := stage(t, identify.Config{APIKeys: true, Keys: &keys{}})
	ex := from("127.0.0.1")
	ex.Principal = &gate.Principal{Subject: "root"}
	if got := code(t, s, ex); got != gate.CodeUnauthenticated || ex.Principal != nil {
		t.Errorf("got %q, principal %+v", got, ex.Principal)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]identify.Config{
		"no method":         {},
		"no store":          {APIKeys: true},
		"store but no keys": {Keys: &keys{}},
		"no subject":        {Anonymous: &identify.AnonymousPrincipal{}},
		"bad subject":       {Anonymous: &identify.AnonymousPrincipal{Subject: "a\nb"}},
		"no local subject":  {Local: &identify.LocalPrincipal{}},
	} {
		if _, err := identify.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheStageAlwaysApplies(t *testing.T) {
	s := stage(t, identify.Config{APIKeys: true, Keys: &keys{}})
	if !s.Applies(gate.Route{}) || s.Name() != "identify" {
		t.Error("it does not apply to everything")
	}
}
