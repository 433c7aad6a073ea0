package vault_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"doorward/internal/secret/vault"
)

func TestTransit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(_ *vault.Config, v *standin) { v.version = 3 })
		defer s.close()
		root, err := s.Transit("transit/doorward")
		if err != nil {
			t.Fatal(err)
		}
		if err := root.Check(); err != nil {
			t.Fatal(err)
		}
		sealed, err := root.Wrap([]byte("CANARY-key"), []byte("a"))
		if err != nil || root.Version(sealed) != "v3" {
			t.Fatalf("sealed as %q, %v", sealed, err)
		}
		if key, err := root.Unwrap(sealed, []byte("a")); err != nil || string(key) != "CANARY-key" {
			t.Errorf("opened as %q, %v", key, err)
		}
		fails := func(name string, do func(v *standin), bound string) {
			s.change(do)
			key, err := root.Unwrap(sealed, []byte(bound))
			if err == nil || key != nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%s: opened as %q, %v", name, key, err)
			}
			if _, err := root.Wrap([]byte("x"), nil); err == nil && bound == "a" {
				t.Errorf("%s: it seals", name)
			}
		}
		fails("bound to something else", func(*standin) {}, "b")
		fails("sealed", func(v *standin) { v.sealed = true }, "a")
		fails("away", func(v *standin) { v.sealed, v.down = false, true }, "a")
		s.change(func(v *standin) { v.down, v.unbound = false, true })
		if err := root.Check(); err == nil || !strings.Contains(err.Error(), "1.12") {
			t.Errorf("one that binds nothing: %v", err)
		}
		s.change(func(v *standin) { v.opens = 1 })
		if err := root.Check(); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("one that fails before it is known whether it binds: %v", err)
		}
		s.change(func(v *standin) { v.sealed = false })
		for _, text := range []string{"", "vault:v1", "vault:v1:", "v1:x", "CANARY"} {
			if _, err := root.Unwrap([]byte(text), nil); err == nil || root.Version([]byte(text)) != "" {
				t.Errorf("%q was opened, %v", text, err)
			}
		}
		for _, where := range []string{"", "doorward", "transit/", "/doorward", "../doorward", "transit/a b", "transit/a#b"} {
			if _, err := s.Transit(where); err == nil {
				t.Errorf("%q is a key", where)
			}
		}
	})
}
