package lock_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// signer is a key made from a seed of its own.
func signer(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+n)), ed25519.SeedSize)))
}

func public(t *testing.T, key ed25519.PrivateKey) ed25519.PublicKey {
	t.Helper()
	p, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("not an Ed25519 key")
	}
	return p
}

// vault is a lock that is signed: the files of one gateway.
type vault struct {
	*testing.T
	dir    string
	config lock.Config
}

func newVault(t *testing.T) *vault {
	t.Helper()
	dir := t.TempDir()
	return &vault{t, dir, lock.Config{
		Path: filepath.Join(dir, "doorward.lock"), Observed: filepath.Join(dir, "observed.json"),
		Signing: lock.Signing{Key: signer(0), Signers: []ed25519.PublicKey{public(t, signer(0))}, Kept: filepath.Join(dir, "lock.sequence")},
	}}
}

// approve approves one more tool of the vault and returns the file.
func (v *vault) approve(name string) string {
	v.Helper()
	p := open(v.T, v.config)
	it := item(v.T, gate.Tool, name, `{"name":"`+name+`"}`)
	p.Observe([]gate.Item{it})
	if _, err := p.Approve([]lock.Ref{ref(it)}, "me"); err != nil {
		v.Fatal(err)
	}
	return contents(v.T, v.config.Path)
}

func (v *vault) write(content string) {
	v.Helper()
	if err := os.WriteFile(v.config.Path, []byte(content), 0o644); err != nil {
		v.Fatal(err)
	}
}

// refused opens the vault, which must fail with a code; and so must Verify.
func (v *vault) refused(want lock.Code) {
	v.Helper()
	_, err := lock.Open(v.config)
	_, verified := lock.Verify(v.config.Path, v.config.Signing)
	for _, err := range []error{err, verified} {
		u, ok := errors.AsType[*lock.Untrusted](err)
		if want == "" && err != nil || want != "" && (!ok || u.Code != want || !strings.HasPrefix(u.Error(), string(want)+": ")) {
			v.Errorf("%v, want %q", err, want)
		}
	}
}

// PIN-17: an edited row, a deleted row, an older file, another's key and no
// signature are each refused, with a code of their own.
func TestPIN17_TamperedLockIsRefused(t *testing.T) {
	v := newVault(t)
	v.refused("")
	first := v.approve("one")
	second := v.approve("two")
	v.refused("")
	p := open(t, v.config)
	if n, by := p.Signed(); n != 2 || by != lock.SignerText(public(t, signer(0))) {
		t.Errorf("it is number %d, signed by %s", n, by)
	}

	other := v.config
	other.Signing = lock.Signing{Key: signer(1), Signers: []ed25519.PublicKey{public(t, signer(1))}}
	other.Path = filepath.Join(v.dir, "other.lock")
	forged := &vault{t, v.dir, other}
	forged.approve("one")
	stranger := forged.approve("evil")

	unsigned := second[:strings.Index(second, ",\n  \"signed_by\"")] + "\n}\n"
	unsigned = strings.Replace(unsigned, "  \"sequence\": 2,\n", "", 1)
	deleted := second[:strings.Index(second, ",\n        {\n          \"name\": \"two\"")] + second[strings.Index(second, "\n      ]"):]
	for what, tc := range map[string]struct {
		file string
		want lock.Code
	}{
		"who approved":                    {strings.Replace(second, `"approved_by": "me"`, `"approved_by": "he"`, 1), lock.Edited},
		"the state":                       {strings.NewReplacer(`"approved_by"`, `"rejected_by"`, `"approved_at"`, `"rejected_at"`, `"approved"`, `"rejected"`).Replace(second), lock.Edited},
		"upstream":                        {strings.Replace(second, `"files": {`, `"evil": {`, 1), lock.Edited},
		"number":                          {strings.Replace(second, `"sequence": 2`, `"sequence": 3`, 1), lock.Edited},
		"deleted row":                     {deleted, lock.Edited},
		"old backup":                      {first, lock.RolledBack},
		"other key":                       {stranger, lock.Foreign},
		"no signature":                    {unsigned, lock.Unsigned},
		"signature moved to another file": {first[:strings.Index(first, `"signature"`)] + second[strings.Index(second, `"signature"`):], lock.Edited},
	} {
		t.Run(what, func(t *testing.T) {
			if tc.file == second {
				t.Fatal("nothing was changed")
			}
			v := &vault{t, v.dir, v.config}
			v.write(tc.file)
			v.refused(tc.want)
			v.write(second)
			// One that runs keeps what it has.
			if err := p.Reload(); err != nil {
				t.Fatal(err)
			}
			v.write(tc.file)
			if err := p.Reload(); err == nil {
				t.Error("a running gateway took it")
			}
			if s := state(p, item(t, gate.Tool, "two", `{"name":"two"}`)); s != gate.Approved {
				t.Errorf("what was approved is %v", s)
			}
			v.write(second)
		})
	}
	if err := os.Remove(v.config.Path); err != nil {
		t.Fatal(err)
	}
	v.refused(lock.Gone)
	v.write(strings.ReplaceAll(second, "\n", "\n "))
	v.refused("") // another layout is no other content
}

// A second file of the same number, signed with the right key, is not the one that
// was in force here.
func TestPIN17_ForkedLockIsRefused(t *testing.T) {
	v, w := newVault(t), newVault(t)
	v.approve("one")
	v.write(w.approve("two"))
	v.refused(lock.Forked)
	n, err := lock.Sign(v.config.Path, v.config.Signing)
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	v.refused("")
}

// What must not be trusted is not trusted for a damaged record of what was in
// force.
func TestPIN17_DamagedSequenceIsRefused(t *testing.T) {
	v := newVault(t)
	v.approve("one")
	for _, content := range []string{"", "{", `{"sequence":1}`, `{"sequence":-1,"digest":"x"}`} {
		if err := os.WriteFile(v.config.Signing.Kept, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := lock.Open(v.config); err == nil {
			t.Errorf("%q: opened", content)
		}
	}
}

func TestWithoutTheKeyNothingIsDecided(t *testing.T) {
	v := newVault(t)
	v.approve("one")
	for what, signing := range map[string]lock.Signing{
		"signers without a key": {Signers: v.config.Signing.Signers, Kept: v.config.Signing.Kept},
		"nothing configured":    {},
	} {
		c := v.config
		c.Signing = signing
		p := open(t, c)
		two := item(t, gate.Tool, "two", `{"name":"two"}`)
		p.Observe([]gate.Item{two})
		_, err := p.Approve([]lock.Ref{ref(two)}, "me")
		if u, ok := errors.AsType[*lock.Untrusted](err); !ok || u.Code != lock.Keyless || state(p, two) != gate.Held {
			t.Errorf("%s: %v, %v", what, err, state(p, two))
		}
	}
	v.refused("")
}

// An unsigned lock becomes a signed one by Sign alone, and only with a key.
func TestSignWhatThereIs(t *testing.T) {
	v := newVault(t)
	plain := v.config
	plain.Signing = lock.Signing{}
	(&vault{t, v.dir, plain}).approve("one")
	v.refused(lock.Unsigned)
	if _, err := lock.Sign(v.config.Path, lock.Signing{}); err == nil {
		t.Error("signed without a key")
	}
	if _, err := lock.Sign(filepath.Join(v.dir, "nowhere"), v.config.Signing); err == nil {
		t.Error("signed what is not there")
	}
	if n, err := lock.Sign(v.config.Path, v.config.Signing); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	v.refused("")
	l, err := lock.Load(v.config.Path)
	if err != nil || string(l.Bytes()) != contents(t, v.config.Path) {
		t.Errorf("read and written again it is\n%s (%v)", l.Bytes(), err)
	}
}

func TestSignedMembersAreReadStrictly(t *testing.T) {
	v := newVault(t)
	good := v.approve("one")
	for what, bad := range map[string]string{
		"sequence zero":     strings.Replace(good, `"sequence": 1`, `"sequence": 0`, 1),
		"sequence negative": strings.Replace(good, `"sequence": 1`, `"sequence": -1`, 1),
		"sequence huge":     strings.Replace(good, `"sequence": 1`, `"sequence": 18446744073709551615`, 1),
		"no sequence":       strings.Replace(good, "  \"sequence\": 1,\n", "", 1),
		"no signature":      good[:strings.Index(good, ",\n  \"signature\"")] + "\n}\n",
		"short signature":   strings.Replace(good, `"signature": "`, `"signature": "AAAA`, 1),
		"another algorithm": strings.Replace(good, `"signed_by": "MCowBQYDK2Vw`, `"signed_by": "MCowBQYDK2Vu`, 1),
		"twice":             strings.Replace(good, "  \"sequence\": 1,\n", "  \"sequence\": 1,\n  \"sequence\": 1,\n", 1),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was changed", what)
		}
		if _, err := lock.Parse([]byte(bad)); err == nil {
			t.Errorf("%s was read", what)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key.pem")
	line, err := lock.NewKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.NewKey(path); err == nil {
		t.Error("a key was overwritten")
	}
	key, err := lock.ReadKey(path)
	if err != nil || lock.SignerText(public(t, key)) != line {
		t.Fatalf("%v, %s", err, line)
	}
	again, err := lock.ParseSigner(line)
	if err != nil || !again.Equal(key.Public()) {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "x", line[:len(line)-4], line + "AAAA", strings.TrimPrefix(line, "MCow")} {
		if _, err := lock.ParseSigner(bad); err == nil {
			t.Errorf("%q is a signer", bad)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ReadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
	for i, content := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN PUBLIC KEY-----\n" + line + "\n-----END PUBLIC KEY-----\n"} {
		bad := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := lock.ReadKey(bad); err == nil {
			t.Errorf("%q is a key", content)
		}
	}
}
