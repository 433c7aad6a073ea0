package vault_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/secret/vault"
)

// stage is a client of a stand-in, which runs.
type stage struct {
	*vault.Client
	t   *testing.T
	vlt *standin
	log *bytes.Buffer
	end func()
}

func newStage(t *testing.T, edit func(*vault.Config, *standin)) *stage {
	t.Helper()
	s := &stage{t: t, log: &bytes.Buffer{}, vlt: &standin{
		secretID: "sid", tokens: map[string]time.Time{"given": {}}, tokenLife: time.Hour,
		kv2: map[string]map[string]any{"app": {"token": "CANARY-1", "port": 5432}}, kv2Made: time.Now().Add(-time.Hour).UTC(),
		kv1: map[string]map[string]any{"app": {"token": "CANARY-old"}}, life: time.Minute, longest: time.Hour,
		leases: map[string]time.Time{}, made: map[string]time.Time{},
	}}
	c := vault.Config{
		Address: "https://vault.example.com/", Lease: time.Minute, Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Login: func() (string, map[string]string, error) {
			return "auth/approle/login", map[string]string{"role_id": "role", "secret_id": "sid"}, nil
		},
	}
	if edit != nil {
		edit(&c, s.vlt)
	}
	var err error
	if s.Client, err = vault.New(c); err != nil {
		t.Fatal(err)
	}
	s.Through(s.vlt)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	s.end = func() { stop(); <-ended }
	return s
}

// close ends the client and holds it to having said nothing secret.
func (s *stage) close() {
	s.t.Helper()
	s.end()
	if err := s.Close(context.Background()); err != nil && !s.vlt.down {
		s.t.Errorf("closing: %v", err)
	}
	if strings.Contains(s.log.String(), "CANARY") {
		s.t.Errorf("the log repeats Vault:\n%s", s.log)
	}
}

// is checks what a secret is now.
func (s *stage) is(where, want string) time.Time {
	s.t.Helper()
	text, changed, err := s.Read(where, false)
	if err != nil || text != want {
		s.t.Errorf("%s is %q, %v; want %q", where, text, err, want)
	}
	return changed
}

// refused checks that nothing is given out, and no word of Vault's.
func (s *stage) refused(where, want string) {
	s.t.Helper()
	text, _, err := s.Read(where, false)
	if err == nil || text != "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
		s.t.Errorf("%s is %q, %v; want an error with %q", where, text, err, want)
	}
}

// change runs something while the stand-in answers nobody.
func (s *stage) change(do func(v *standin)) {
	s.vlt.mu.Lock()
	defer s.vlt.mu.Unlock()
	do(s.vlt)
}

// asked is what the stand-in was asked so far.
func (s *stage) asked() (all []string) {
	s.change(func(v *standin) { all = slices.Clone(v.asked) })
	return all
}

func TestKeyValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(c *vault.Config, v *standin) { c.Namespace, v.namespace = "team/a", "team/a" })
		defer s.close()
		if changed := s.is("kv/app#token", "CANARY-1"); !changed.Equal(s.vlt.kv2Made) {
			t.Errorf("changed at %v, want %v", changed, s.vlt.kv2Made)
		}
		s.is("kv/app#port", "5432")
		s.is("old/app#token", "CANARY-old")
		s.refused("kv/app#none", "no such field")
		s.refused("kv/none#token", "404")
		s.refused("none/app#token", "403")
		if _, _, err := s.Read("kv/none#token", false); !errors.Is(err, vault.ErrAbsent) {
			t.Errorf("what is not there: %v", err)
		}
		// A change is seen by itself, within a sixth of the lease.
		s.change(func(v *standin) { v.kv2["app"] = map[string]any{"token": "CANARY-2"} })
		time.Sleep(12 * time.Second)
		s.is("kv/app#token", "CANARY-2")
		// And at once when somebody asks anew.
		s.change(func(v *standin) { v.kv2["app"] = map[string]any{"token": "CANARY-3"} })
		time.Sleep(2 * time.Second)
		if text, _, err := s.Read("kv/app#token", true); err != nil || text != "CANARY-3" {
			t.Errorf("asked anew: %q, %v", text, err)
		}
		before := len(s.asked())
		for range 100 {
			s.is("kv/app#token", "CANARY-3")
		}
		if n := len(s.asked()) - before; n != 0 {
			t.Errorf("100 readings asked Vault %d times", n)
		}
	})
}

// What was read counts for its lease when Vault is away, and not for a second longer.
func TestVaultIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.close()
		s.is("kv/app#token", "CANARY-1")
		s.change(func(v *standin) { v.down = true })
		time.Sleep(59 * time.Second)
		s.is("kv/app#token", "CANARY-1")
		if text, _, err := s.Read("kv/app#token", true); err != nil || text != "CANARY-1" {
			t.Errorf("asked anew in vain: %q, %v", text, err)
		}
		time.Sleep(2 * time.Second)
		s.refused("kv/app#token", "no answer from vault.example.com")
		s.change(func(v *standin) { v.down, v.sealed = false, true })
		time.Sleep(2 * time.Second)
		s.refused("kv/app#token", "sealed")
		s.change(func(v *standin) { v.sealed = false })
		time.Sleep(2 * time.Second)
		s.is("kv/app#token", "CANARY-1")
	})
}

// A lease is renewed while it can be, another is taken before it ends, and at the end
// everything is given back.
func TestLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(_ *vault.Config, v *standin) { v.longest = 5 * time.Minute })
		s.is("database/creds/app#username", "user-2")
		s.is("database/creds/app#password", "password-2")
		time.Sleep(3 * time.Minute)
		s.is("database/creds/app#password", "password-2")
		var pairs []string
		for range 600 {
			time.Sleep(time.Second)
			user, _, err := s.Read("database/creds/app#username", false)
			if err != nil {
				t.Fatal(err)
			}
			password, _, err := s.Read("database/creds/app#password", false)
			if err != nil || strings.TrimPrefix(user, "user-") != strings.TrimPrefix(password, "password-") {
				t.Fatalf("%s has %s, %v", user, password, err)
			}
			s.change(func(v *standin) {
				if until := v.leases["database/creds/app/"+strings.TrimPrefix(user, "user-")]; !time.Now().Before(until) {
					t.Errorf("%s is used after its end", user)
				}
			})
			if !slices.Contains(pairs, user) {
				pairs = append(pairs, user)
			}
		}
		if len(pairs) < 2 {
			t.Errorf("nobody came after %v", pairs)
		}
		s.close()
		left := 0
		for _, until := range s.vlt.leases {
			if time.Now().Before(until) {
				left++
			}
		}
		if left != 0 || len(s.vlt.tokens) != 1 {
			t.Errorf("left are %d leases and the tokens %v", left, s.vlt.tokens)
		}
	})
}

// Who asks anew, over and over, as for an upstream that turns everything away, neither makes a
// lease of each call nor a request; and what a policy refuses makes no token.
func TestAskedAnewAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.close()
		for range 1000 {
			for _, where := range []string{"database/creds/app#password", "kv/app#token"} {
				if text, _, err := s.Read(where, true); err != nil || text == "" {
					t.Fatalf("%s is %q, %v", where, text, err)
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		asked := strings.Join(s.asked(), "\n")
		if n := strings.Count(asked, "GET /v1/database/creds/app"); n > 2 {
			t.Errorf("%d leases within ten seconds", n)
		}
		if n := strings.Count(asked, "GET /v1/kv/data/app"); n < 50 || n > 102 {
			t.Errorf("a value was read %d times within ten seconds", n)
		}
		for range 10 {
			s.refused("none/app#token", "403")
			time.Sleep(2 * time.Second)
		}
		if n := strings.Count(strings.Join(s.asked(), "\n"), "login"); n != 1 {
			t.Errorf("logged in %d times for what a policy refuses", n)
		}
	})
}

// What is named no more is neither renewed nor read, and its lease is given back at the end.
func TestOnlyWhatIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.is("kv/app#token", "CANARY-1")
		s.is("database/creds/app#username", "user-2")
		s.Only([]string{"kv/app#token", "kv/other#token"})
		before := len(s.asked())
		time.Sleep(50 * time.Second)
		for _, asked := range s.asked()[before:] {
			if !strings.Contains(asked, "kv") {
				t.Errorf("asked %s", asked)
			}
		}
		if len(s.asked()) == before {
			t.Error("what is named was not read again")
		}
		s.close()
		if len(s.vlt.leases) != 0 {
			t.Errorf("left are %v", s.vlt.leases)
		}
	})
}

// The lease of what cannot be read is given back at once, and by the end where that fails.
func TestALeaseOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.refused("database/creds/odd#password", "cannot be read")
		if s.vlt.count == 0 || len(s.vlt.leases) != 0 {
			t.Errorf("left are %v", s.vlt.leases)
		}
		s.change(func(v *standin) { v.keeps = true })
		time.Sleep(2 * time.Second)
		s.refused("database/creds/odd#password", "cannot be read")
		s.change(func(v *standin) { v.keeps = false })
		if len(s.vlt.leases) != 1 {
			t.Errorf("left are %v", s.vlt.leases)
		}
		s.close()
		if len(s.vlt.leases) != 0 {
			t.Errorf("left at the end are %v", s.vlt.leases)
		}
	})
}

// A lease that has ended when it comes is an error, and no empty value.
func TestALeaseThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(_ *vault.Config, v *standin) { v.life = 0 })
		defer s.close()
		s.refused("database/creds/app#password", "ended already")
	})
}

// A token that was revoked is had again; one that somebody else keeps is read each time,
// and not given back.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(_ *vault.Config, v *standin) { v.tokenLife = 30 * time.Second })
		s.is("kv/app#token", "CANARY-1")
		time.Sleep(5 * time.Minute)
		s.is("kv/app#token", "CANARY-1")
		if n := strings.Count(strings.Join(s.asked(), "\n"), "login"); n != 1 {
			t.Errorf("logged in %d times, with a token that can be renewed", n)
		}
		s.change(func(v *standin) { clear(v.tokens) })
		time.Sleep(time.Minute)
		s.is("kv/app#token", "CANARY-1")
		// So is one for what is no reading: sealing a key, and giving a lease back.
		root, err := s.Transit("transit/doorward")
		if err != nil {
			t.Fatal(err)
		}
		s.change(func(v *standin) { clear(v.tokens) })
		if sealed, err := root.Wrap([]byte("CANARY-key"), nil); err != nil || len(sealed) == 0 {
			t.Errorf("sealing with a token that was revoked: %v", err)
		}
		logins := func() int { return strings.Count(strings.Join(s.asked(), "\n"), "login") }
		synctest.Wait() // what is due at this moment is done
		before := logins()
		s.change(func(v *standin) { clear(v.tokens) })
		s.close()
		if n := logins() - before; n != 0 {
			t.Errorf("logged in %d times to give a token back that was revoked", n)
		}

		token, fault := "given", error(nil)
		s = newStage(t, func(c *vault.Config, _ *standin) {
			c.Login, c.Token = nil, func() (string, error) { return token, fault }
		})
		s.is("kv/app#token", "CANARY-1")
		token = "stale"
		s.refused("kv/none#token", "403")
		fault = errors.New("is gone")
		s.refused("kv/other#token", "is gone")
		token, fault = "given", nil
		s.close()
		if _, there := s.vlt.tokens["given"]; !there {
			t.Error("a token of somebody else was given back")
		}
	})
}

func TestConfig(t *testing.T) {
	token := func() (string, error) { return "", nil }
	login := func() (string, map[string]string, error) { return "", nil, nil }
	for _, c := range []vault.Config{
		{Address: "http://vault.example.com", Token: token},
		{Address: "vault", Token: token},
		{Address: "https://u:CANARY@v/", Token: token},
		{Address: "https://v/"},
		{Address: "https://v/", Token: token, Login: login},
		{Address: "https://v/?x", Token: token},
	} {
		c.Lease, c.Log = time.Minute, slog.New(slog.DiscardHandler)
		if _, err := vault.New(c); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", c.Address, err)
		}
	}
}

// What is taken apart is put together as it was, and leads nowhere else.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"kv/app#token", "kv/../sys#x", "kv//x#y", "a#b", "kv/app#", "kv/a b#c", "kv/a?x#c", "kv/%2e%2e/x#y", "#", "kv/app#a#b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, where string) {
		path, field, ok := vault.Split(where)
		if !ok {
			return
		}
		if path+"#"+field != where || strings.ContainsAny(path, "?%# \n") || strings.Contains("/"+path+"/", "/../") || strings.Contains(path, "//") {
			t.Errorf("%q became %q and %q", where, path, field)
		}
	})
}
