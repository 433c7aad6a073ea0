package secret_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/secret"
)

// place is one that a test fills.
type place struct {
	kept  map[string]secret.Reading
	fresh map[string]secret.Reading // what it says only when it is asked anew
	fault error
}

func (p *place) read(where string, fresh bool) (secret.Reading, error) {
	if p.fault != nil {
		return secret.Reading{}, p.fault
	}
	if r, ok := p.fresh[where]; ok && fresh {
		p.kept[where] = r
	}
	r, ok := p.kept[where]
	if !ok {
		return r, fmt.Errorf("%w there", secret.ErrAbsent)
	}
	return r, nil
}

func versionsOfA(t *testing.T, s *secret.Store) []string {
	t.Helper()
	all, err := s.Versions("a")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range all {
		out = append(out, v.Reveal())
	}
	return out
}

func TestPlacesAreAskedAtEachUse(t *testing.T) {
	p := &place{kept: map[string]secret.Reading{"hook": {Text: "one", Changed: time.Unix(1, 0)}, "kv/app#token": {Text: "two"}}}
	all := secret.Places{Store: p.read, Vault: p.read}
	s, err := all.Open([]secret.Source{
		{Name: "hook", From: "store", Required: true, MaxAge: time.Hour},
		{Name: "token", From: "vault:kv/app#token", Required: true},
		{Name: "later", From: "store"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "hook") + get(t, s, "token"); got != "onetwo" {
		t.Errorf("got %q", got)
	}
	if got := s.Overdue(time.Now()); len(got) != 1 || got[0] != "hook" {
		t.Errorf("overdue are %v", got)
	}
	if _, err := s.Get("later"); !errors.Is(err, secret.ErrAbsent) {
		t.Errorf("one that is absent: %v", err)
	}
	p.kept["later"] = secret.Reading{Text: "three"}
	if got := get(t, s, "later"); got != "three" {
		t.Errorf("got %q", got)
	}
	p.fault = errors.New("is sealed")
	if v, err := s.Get("hook"); err == nil || v.Reveal() != "" || !strings.Contains(err.Error(), "secret hook: Doorward's store is sealed") {
		t.Errorf("a place that fails: %q, %v", v.Reveal(), err)
	}
	for _, src := range []secret.Source{{Name: "a", From: "store"}, {Name: "a", From: "vault:x#y"}} {
		if _, err := (secret.Places{}).Open([]secret.Source{src}); err == nil {
			t.Errorf("%s was opened where there is none", src.From)
		}
	}
	if _, err := all.Open([]secret.Source{{Name: "a", From: "store", Required: false}}); err == nil {
		t.Error("an optional secret of a place that fails was taken for absent")
	}
}

// A Store that came with an error holds what was well, for more faults to be found.
func TestOpenHoldsWhatIsWell(t *testing.T) {
	s, err := secret.Open([]secret.Source{{Name: "good", From: "env:GOOD"}, {Name: "gone", From: "env:GONE", Required: true}}, environ(map[string]string{"GOOD": "x"}))
	if err == nil {
		t.Fatal("no fault")
	}
	if got := get(t, s, "good"); got != "x" {
		t.Errorf("got %q", got)
	}
	if _, err := s.Get("gone"); err == nil {
		t.Error("a secret that is not there was had")
	}
}

// The version before counts for the overlap, whichever Open has seen the change, and
// what was refused is not shown again.
func TestVersionsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{kept: map[string]secret.Reading{"kv#a": {Text: "first"}}, fresh: map[string]secret.Reading{}}
		all := secret.Places{Vault: p.read, Past: &secret.Past{}}
		open := func(overlap time.Duration) *secret.Store {
			s, err := all.Open([]secret.Source{{Name: "a", From: "vault:kv#a", Overlap: overlap}})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open(time.Hour)
		if got := versionsOfA(t, s); len(got) != 1 {
			t.Errorf("versions %v before there are two", got)
		}
		first, err := s.Get("a")
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := s.Instead("a", first); ok {
			t.Errorf("instead of the only one: %q", v.Reveal())
		}
		p.fresh["kv#a"] = secret.Reading{Text: "second"} // which the place says when it is asked anew
		second, ok := s.Instead("a", first)
		if !ok || second.Reveal() != "second" {
			t.Errorf("instead of the first: %q, %v", second.Reveal(), ok)
		}
		if v, ok := s.Instead("a", second); !ok || v.Reveal() != "first" {
			t.Errorf("instead of the second: %q, %v", v.Reveal(), ok)
		}
		if got := versionsOfA(t, open(time.Hour)); len(got) != 2 || got[0] != "second" || got[1] != "first" {
			t.Errorf("after a reload: %v", got)
		}
		if got := versionsOfA(t, open(0)); len(got) != 1 {
			t.Errorf("without an overlap: %v", got)
		}
		all.Past.Only(map[string]bool{"a": true})
		if got := versionsOfA(t, s); len(got) != 2 {
			t.Errorf("after others were forgotten: %v", got)
		}
		time.Sleep(time.Hour)
		if got := versionsOfA(t, s); len(got) != 1 || got[0] != "second" {
			t.Errorf("after the overlap: %v", got)
		}
		p.fault = errors.New("gone")
		if v, ok := s.Instead("a", first); ok {
			t.Errorf("from a place that fails: %q", v.Reveal())
		}
	})
}

// What nothing names any more leaves no version behind.
func TestPastForgets(t *testing.T) {
	p := &place{kept: map[string]secret.Reading{"kv#a": {Text: "first"}}}
	past := &secret.Past{}
	s, err := secret.Places{Vault: p.read, Past: past}.Open([]secret.Source{{Name: "a", From: "vault:kv#a", Overlap: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	versionsOfA(t, s)
	p.kept["kv#a"] = secret.Reading{Text: "second"}
	if got := versionsOfA(t, s); len(got) != 2 {
		t.Fatalf("versions %v", got)
	}
	past.Only(map[string]bool{"b": true})
	if got := versionsOfA(t, s); len(got) != 1 {
		t.Errorf("what was forgotten is there: %v", got)
	}
}

// What the place itself says of the version before is what counts.
func TestAPlaceKnowsTheVersionBefore(t *testing.T) {
	p := &place{kept: map[string]secret.Reading{"a": {Text: "new", Before: "old"}}}
	s, err := secret.Places{Store: p.read}.Open([]secret.Source{{Name: "a", From: "store", Required: true}})
	if err != nil {
		t.Fatal(err)
	}
	if got := versionsOfA(t, s); len(got) != 2 || got[1] != "old" {
		t.Errorf("versions %v", got)
	}
}

func TestCredentialsOfSystemd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	write(t, path, canary+"\n")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"CREDENTIALS_DIRECTORY": dir}
	open := func(name string, required bool) (*secret.Store, error) {
		return secret.Open([]secret.Source{{Name: "t", From: "systemd:" + name, Required: required}}, environ(vars))
	}
	for mode, good := range map[os.FileMode]bool{0o400: true, 0o440: true, 0o600: true, 0o640: true, 0o444: false, 0o420: false, 0o604: false, 0o660: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		s, err := open("token", true)
		if good != (err == nil) {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if good && get(t, s, "t") != canary {
			t.Errorf("mode %04o: another text", mode)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{0o500: true, 0o550: true, 0o700: true, 0o755: false, 0o770: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := open("token", true); good != (err == nil) {
			t.Errorf("directory of mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../token", ".", "..", "a:b", "a/b", strings.Repeat("x", 256), "a\nb"} {
		if _, err := open(name, false); err == nil {
			t.Errorf("%q was taken for a credential's name", name)
		}
	}
	if _, err := open("absent", true); err == nil || !strings.Contains(err.Error(), "secret t: the credential "+filepath.Join(dir, "absent")+" is not there") {
		t.Errorf("one that is absent: %v", err)
	}
	if _, err := open("absent", false); err != nil {
		t.Errorf("an optional one that is absent: %v", err)
	}
	vars = nil
	if _, err := open("token", true); err == nil || !strings.Contains(err.Error(), "LoadCredential=token") {
		t.Errorf("without a unit: %v", err)
	}
	if _, err := open("token", false); err != nil {
		t.Errorf("an optional one without a unit: %v", err)
	}
	vars = map[string]string{"CREDENTIALS_DIRECTORY": "relative"}
	if _, err := open("token", true); err == nil {
		t.Error("a relative directory was read")
	}
}
