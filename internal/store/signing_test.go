package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/httpsig"
	"doorward/internal/store"
)

func createSigning(tb testing.TB, k *store.Keys, opt store.CreateOptions) (string, store.Key) {
	tb.Helper()
	opt.Signing = true
	text, key, err := k.Create(opt)
	if err != nil {
		tb.Fatal(err)
	}
	return text, key
}

// A signing key's secret is derived from its text, survives a restart, and is in
// no file in clear; the key is sent as before, too.
func TestASigningKeyHasItsSecret(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	text, key := createSigning(t, k, store.CreateOptions{Name: "alice"})
	if !key.Signing {
		t.Error("does not say that it is for signing")
	}
	want := httpsig.Secret(text)
	for _, k := range []*store.Keys{k, open(t, dir)} {
		secret, got, err := k.Signer(key.ID)
		if err != nil || secret != want {
			t.Errorf("Signer = %v; the secret is right: %v", err, secret == want)
		}
		if diff := cmp.Diff(key, got); diff != "" {
			t.Error(diff)
		}
		if got, err := k.Lookup(text); err != nil || got.ID != key.ID {
			t.Errorf("Lookup = %+v, %v", got, err)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, want[:]) || strings.Contains(string(content), text[3:]) || !strings.Contains(string(content), `"signing"`) {
		t.Error("keys.json holds the secret or the key in clear, or no seal")
	}
}

func TestSignerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, t.TempDir())
		defer closed(t, k)
		_, plain := create(t, k, "plain")
		text, short := createSigning(t, k, store.CreateOptions{Name: "short", Expires: time.Now().Add(time.Minute)})
		_, ended := createSigning(t, k, store.CreateOptions{Name: "ended"})
		if err := k.Revoke("ended"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // of the bubble's clock
		decoy, _, _ := k.Signer("")
		if decoy == [32]byte{} || decoy == httpsig.Secret("") || decoy == httpsig.Secret(text) {
			t.Error("the secret of nobody is one that somebody has")
		}
		for id, want := range map[string]error{
			plain.ID: store.ErrNoSigning, "": store.ErrUnknown, "k_0000000000": store.ErrUnknown, "plain": store.ErrUnknown,
			text: store.ErrUnknown, strings.ToUpper(short.ID): store.ErrUnknown,
		} {
			secret, key, err := k.Signer(id)
			if !errors.Is(err, want) || key.ID != "" || secret != decoy {
				t.Errorf("Signer(%d bytes) = %+v, %v, want %v", len(id), key, err, want)
			}
		}
		// These say whose signature it is, so that its owner alone is told.
		if secret, key, err := k.Signer(short.ID); !errors.Is(err, store.ErrExpired) || key.ID != short.ID || secret != httpsig.Secret(text) {
			t.Errorf("expired: %+v, %v", key, err)
		}
		if secret, key, err := k.Signer(ended.ID); !errors.Is(err, store.ErrRevoked) || key.ID != ended.ID || secret == decoy {
			t.Errorf("revoked: %+v, %v", key, err)
		}
	})
}

func TestRotationKeepsTheAbilityToSign(t *testing.T) {
	k := open(t, t.TempDir())
	first, old := createSigning(t, k, store.CreateOptions{Name: "alice"})
	create(t, k, "plain")
	text, key, err := k.Rotate("alice", time.Hour)
	if err != nil || !key.Signing {
		t.Fatalf("rotated = %+v, %v", key, err)
	}
	for id, of := range map[string]string{old.ID: first, key.ID: text} {
		if secret, _, err := k.Signer(id); err != nil || secret != httpsig.Secret(of) {
			t.Errorf("Signer(%s): %v", id, err)
		}
	}
	if _, key, err = k.Rotate("plain", 0); err != nil || key.Signing {
		t.Errorf("rotated = %+v, %v", key, err)
	}
}

// A secret that was sealed for another key, with another pepper, or is damaged
// means that somebody else wrote the file: no key is judged by it, and nothing is
// written over it.
func TestASealThatDoesNotOpenRefusesEverything(t *testing.T) {
	seal := func(t *testing.T, dir string) string {
		t.Helper()
		k := open(t, dir)
		createSigning(t, k, store.CreateOptions{Name: "other"})
		return records(t, dir)[0]["signing"].(string)
	}
	for name, damage := range map[string]func(t *testing.T, seals []string) string{
		"of another key":    func(_ *testing.T, seals []string) string { return seals[1] },
		"of another pepper": func(t *testing.T, _ []string) string { return seal(t, t.TempDir()) },
		"one bit":           func(_ *testing.T, seals []string) string { return string(seals[0][0]^1) + seals[0][1:] },
		"short":             func(_ *testing.T, seals []string) string { return seals[0][4:] },
		"empty":             func(*testing.T, []string) string { return "" },
		"no base64":         func(*testing.T, []string) string { return "§" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			k := open(t, dir)
			text, key := createSigning(t, k, store.CreateOptions{Name: "alice"})
			createSigning(t, k, store.CreateOptions{Name: "bob"})
			all := records(t, dir)
			all[0]["signing"] = damage(t, []string{all[0]["signing"].(string), all[1]["signing"].(string)})
			write(t, dir, 2, all)
			if err := k.Reload(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Reload = %v", err)
			}
			if secret, _, err := k.Signer(key.ID); !errors.Is(err, store.ErrUnavailable) || secret != [32]byte{} {
				t.Errorf("Signer = %v", err)
			}
			if _, err := k.Lookup(text); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Lookup = %v", err)
			}
			if k.Alive(key.ID) {
				t.Error("Alive")
			}
			if _, _, err := k.Create(store.CreateOptions{Name: "carol"}); err == nil || len(records(t, dir)) != 2 {
				t.Errorf("Create went over the file: %v", err)
			}
			if _, err := store.Open(store.Config{Dir: dir}); err == nil {
				t.Error("opened")
			}
		})
	}
}

// Files of version 1 are read, and written as version 2 at the next change. They
// had no signing secrets, so one in them is a fault.
func TestAFileOfVersion1(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	text, key := create(t, k, "alice")
	write(t, dir, 1, records(t, dir))
	k = open(t, dir) // one that has seen no newer one
	if got, err := k.Lookup(text); err != nil || got.ID != key.ID {
		t.Errorf("Lookup = %+v, %v", got, err)
	}
	createSigning(t, k, store.CreateOptions{Name: "bob"})
	if version(t, dir) != 2 {
		t.Errorf("version %d after a change", version(t, dir))
	}
	if _, err := k.Lookup(text); err != nil {
		t.Errorf("after a change: %v", err)
	}
	write(t, dir, 1, records(t, dir))
	if err := k.Reload(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("version 1 with a signing secret: %v", err)
	}
}

// The id of a key is public: what is only claimed with it is no use of the key.
func TestASignerIsUsedWhenItIsProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, t.TempDir())
		_, key := createSigning(t, k, store.CreateOptions{Name: "alice"})
		if _, _, err := k.Signer(key.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if all, err := k.List(); err != nil || !all[0].LastUsed.IsZero() {
			t.Errorf("last used %v (%v)", all[0].LastUsed, err)
		}
		k.Used("k_0000000000")
		k.Used(key.ID)
		at := time.Now().UTC().Truncate(time.Second)
		closed(t, k)
		if all, err := k.List(); err != nil || !all[0].LastUsed.Equal(at) {
			t.Errorf("last used %v, want %v (%v)", all[0].LastUsed, at, err)
		}
	})
}

func TestASignersRevocationByAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		gateway, cli := open(t, dir), open(t, dir)
		defer closed(t, gateway)
		defer closed(t, cli)
		_, key := createSigning(t, cli, store.CreateOptions{Name: "alice"})
		time.Sleep(time.Second)
		if _, _, err := gateway.Signer(key.ID); err != nil || !gateway.Alive(key.ID) || gateway.Gone(key.ID) {
			t.Errorf("a second after Create: %v", err)
		}
		if err := cli.Revoke("alice"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, _, err := gateway.Signer(key.ID); !errors.Is(err, store.ErrRevoked) || gateway.Alive(key.ID) || !gateway.Gone(key.ID) {
			t.Errorf("after an idle hour: %v", err)
		}
	})
}

// file is keys.json, as anybody reads it.
type file struct {
	Version int              `json:"version"`
	Keys    []map[string]any `json:"keys"`
}

func read(t *testing.T, dir string) file {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f file
	if err := json.Unmarshal(content, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func records(t *testing.T, dir string) []map[string]any {
	t.Helper()
	return read(t, dir).Keys
}

func version(t *testing.T, dir string) int {
	t.Helper()
	return read(t, dir).Version
}

func write(t *testing.T, dir string, version int, keys []map[string]any) {
	t.Helper()
	content, err := json.Marshal(file{version, keys})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys.json"), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
