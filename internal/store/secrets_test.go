package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/store"
)

const secretCanary = "CANARY-kept-7731"

func keptSecrets(dir string) *store.Secrets {
	return store.OpenSecrets(dir, store.OwnSecretsRoot(dir))
}

func setSecret(t *testing.T, s *store.Secrets, name, text string, overlap time.Duration) {
	t.Helper()
	if err := s.Set(name, text, overlap); err != nil {
		t.Fatal(err)
	}
}

// holds checks what a secret is now, and what counts beside it.
func holds(t *testing.T, s *store.Secrets, name, now, before string) {
	t.Helper()
	v, old, err := s.Read(name)
	if err != nil || v.Text != now || old.Text != before {
		t.Errorf("%s is %q beside %q, %v; want %q beside %q", name, v.Text, old.Text, err, now, before)
	}
}

func TestSecretsAreKeptSealed(t *testing.T) {
	dir := t.TempDir()
	s := keptSecrets(dir)
	if _, _, err := s.Read("hook"); !errors.Is(err, store.ErrNoSecret) {
		t.Errorf("before there is any: %v", err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 0 {
		t.Errorf("reading alone made %v", all)
	}
	setSecret(t, s, "hook", secretCanary+"-1", 0)
	setSecret(t, s, "token", secretCanary+"-2", 0)
	for _, one := range []*store.Secrets{s, keptSecrets(dir)} {
		holds(t, one, "hook", secretCanary+"-1", "")
		holds(t, one, "token", secretCanary+"-2", "")
	}
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		info, stat := file.Info()
		if err != nil || stat != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, %v", file.Name(), info, err, stat)
		}
		for _, form := range []string{secretCanary, base64.StdEncoding.EncodeToString([]byte(secretCanary))[:16]} {
			if bytes.Contains(content, []byte(form)) {
				t.Errorf("%s holds a secret", file.Name())
			}
		}
	}
	if err := s.Remove("hook"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("hook"); !errors.Is(err, store.ErrNoSecret) {
		t.Errorf("removed twice: %v", err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 || list[0].Name != "token" || list[0].Created.IsZero() {
		t.Errorf("left: %+v, %v", list, err)
	}
}

// Two versions count until the overlap is over; never three.
func TestSecretVersionsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keptSecrets(t.TempDir())
		setSecret(t, s, "hook", "first", time.Hour)
		setSecret(t, s, "hook", "second", time.Hour)
		holds(t, s, "hook", "second", "first")
		time.Sleep(time.Hour - time.Second)
		holds(t, s, "hook", "second", "first")
		if list, _ := s.List(); len(list) != 1 || list[0].Overlap.IsZero() {
			t.Errorf("listed %+v", list)
		}
		time.Sleep(time.Second)
		holds(t, s, "hook", "second", "")
		if list, _ := s.List(); len(list) != 1 || !list[0].Overlap.IsZero() {
			t.Errorf("listed %+v", list)
		}
		setSecret(t, s, "hook", "third", time.Hour)
		setSecret(t, s, "hook", "fourth", time.Hour)
		holds(t, s, "hook", "fourth", "third")
		setSecret(t, s, "hook", "fifth", 0)
		holds(t, s, "hook", "fifth", "")
	})
}

func TestSecretsThatAreNotKept(t *testing.T) {
	s := keptSecrets(t.TempDir())
	setSecret(t, s, "same", secretCanary, 0)
	for _, c := range []struct {
		name, key, text string
		overlap         time.Duration
	}{
		{"no name", "", "x", 0},
		{"a name with a line", "a\nb", "x", 0},
		{"nothing", "a", "", 0},
		{"too long", "a", strings.Repeat("x", 64<<10+1), 0},
		{"a zero byte", "a", secretCanary + "\x00", 0},
		{"an overlap before now", "a", "x", -1},
		{"an overlap without end", "a", "x", 31 * 24 * time.Hour},
		{"what it is already", "same", secretCanary, 0},
	} {
		if err := s.Set(c.key, c.text, c.overlap); err == nil || strings.Contains(err.Error(), secretCanary) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	holds(t, s, "same", secretCanary, "")
}

// A new root opens what the old one did; the old one opens nothing of now. Whoever reads
// meanwhile, in this process or another, always gets the secret.
func TestSecretsRootIsReplacedWhileTheyAreRead(t *testing.T) {
	dir := t.TempDir()
	s, other := keptSecrets(dir), keptSecrets(dir)
	for i := range 5 {
		setSecret(t, s, fmt.Sprint("s", i), fmt.Sprint("value-", i), 0)
	}
	rootFile := filepath.Join(dir, "secrets.root")
	before, err := os.ReadFile(rootFile)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, reader := range []*store.Secrets{s, other} {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if v, _, err := reader.Read(fmt.Sprint("s", n%5)); err != nil || v.Text != fmt.Sprint("value-", n%5) {
					t.Errorf("read %q, %v", v.Text, err)
					return
				}
			}
		})
	}
	for range 10 {
		if n, err := s.ReplaceRoot(); err != nil || n != 5 {
			t.Errorf("sealed %d anew, %v", n, err)
		}
	}
	close(stop)
	wg.Wait()
	after, err := os.ReadFile(rootFile)
	if err != nil || len(after) != len(before) || bytes.Equal(before, after) {
		t.Fatalf("the root was not replaced: %v", err)
	}
	if err := os.WriteFile(rootFile, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if v, _, err := keptSecrets(dir).Read("s1"); err == nil || v.Text != "" {
		t.Errorf("the old root opens %q", v.Text)
	}
}

// A crash between the two files of a replacement loses nothing, wherever it was.
func TestSecretsAfterAReplacementThatDidNotEnd(t *testing.T) {
	dir := t.TempDir()
	s := keptSecrets(dir)
	setSecret(t, s, "a", "value", 0)
	root, sealed := filepath.Join(dir, "secrets.root"), filepath.Join(dir, "secrets.json")
	old, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	oldSealed, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReplaceRoot(); err != nil {
		t.Fatal(err)
	}
	anew, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	both := append(bytes.Clone(old), anew...)
	newSealed, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"before the secrets": oldSealed, "after the secrets": newSealed} {
		if err := errors.Join(os.WriteFile(root, both, 0o600), os.WriteFile(sealed, content, 0o600)); err != nil {
			t.Fatal(err)
		}
		again := keptSecrets(dir)
		holds(t, again, "a", "value", "")
		if _, err := again.ReplaceRoot(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		holds(t, again, "a", "value", "")
		if text, err := os.ReadFile(root); err != nil || !bytes.Equal(text, anew) {
			t.Errorf("%s: the replacement did not end with the key that it began with", name)
		}
	}
}

// Nothing can be changed, taken out, moved or put back by who has the file alone.
func TestSecretsThatSomebodyChangedAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := keptSecrets(dir)
	setSecret(t, s, "a", "value-a", 0)
	setSecret(t, s, "b", "value-b", time.Hour)
	path := filepath.Join(dir, "secrets.json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type file = map[string]any
	edits := map[string]func(f file){
		"taken out": func(f file) { f["secrets"] = f["secrets"].([]any)[:1] },
		"swapped": func(f file) {
			all := f["secrets"].([]any)
			a, b := all[0].(file), all[1].(file)
			a["versions"], b["versions"] = b["versions"], a["versions"]
		},
		"renamed": func(f file) { f["secrets"].([]any)[0].(file)["name"] = "c" },
		"younger": func(f file) {
			f["secrets"].([]any)[0].(file)["versions"].([]any)[0].(file)["created"] = "2030-01-01T00:00:00Z"
		},
		"no mac":         func(f file) { f["mac"] = "" },
		"another format": func(f file) { f["version"] = 2 },
		"an unknown key": func(f file) { f["more"] = true },
	}
	for name, edit := range edits {
		var f file
		if err := json.Unmarshal(whole, &f); err != nil {
			t.Fatal(err)
		}
		edit(f)
		changed, err := json.Marshal(f)
		if err == nil {
			err = os.WriteFile(path, changed, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if v, _, err := keptSecrets(dir).Read("a"); err == nil {
			t.Errorf("%s: read %q", name, v.Text)
		}
		if err := keptSecrets(dir).Set("d", "value-d", 0); err == nil {
			t.Errorf("%s: was written on", name)
		}
	}
	if err := errors.Join(os.WriteFile(path, whole, 0o600), os.Chmod(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := keptSecrets(dir).Read("a"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Remove(filepath.Join(dir, "secrets.root"))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := keptSecrets(dir).Read("a"); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("without its root: %v", err)
	}
	if err := keptSecrets(dir).Set("d", "value-d", 0); err == nil {
		t.Error("a new root was made over secrets that it does not open")
	}
}

func TestSecretsUnderARootOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	key := func(fill byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) }
	text, fault := key(1), error(nil)
	s := store.OpenSecrets(dir, store.GivenSecretsRoot(func() (string, error) { return text, fault }))
	setSecret(t, s, "a", "value", 0)
	for _, step := range []struct {
		name, text string
		opens      bool
	}{
		{"both, before", key(2) + " " + key(1), true},
		{"the new one too early", key(2), false},
		{"both again", key(2) + "\n" + key(1), true},
	} {
		text = step.text
		if v, _, err := s.Read("a"); (err == nil) != step.opens || step.opens && v.Text != "value" {
			t.Errorf("%s: %q, %v", step.name, v.Text, err)
		}
	}
	if n, err := s.ReplaceRoot(); err != nil || n != 1 {
		t.Fatalf("sealed %d anew, %v", n, err)
	}
	text = key(2)
	holds(t, s, "a", "value", "")
	if _, err := s.ReplaceRoot(); err == nil || !strings.Contains(err.Error(), "is one key") {
		t.Errorf("one key was another: %v", err)
	}
	for _, bad := range []string{"", key(1), "not base64 " + secretCanary, key(1)[:20], key(1) + " " + key(2) + " " + key(3)} {
		text = bad
		if err := s.Set("b", "x", 0); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("under %q: %v", bad, err)
		}
	}
	text, fault = key(2), errors.New("gone")
	if err := s.Set("b", "x", 0); err == nil {
		t.Error("kept without a root key")
	}
}

// Who reads what is known waits for nobody who changes it, or waits for the root key.
func TestSecretsAreReadMeanwhile(t *testing.T) {
	dir := t.TempDir()
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := false
	s := store.OpenSecrets(dir, store.GivenSecretsRoot(func() (string, error) {
		if slow {
			asked <- struct{}{}
			<-answer
		}
		return key, nil
	}))
	setSecret(t, s, "a", "one", 0)
	path := filepath.Join(dir, "secrets.json")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "a", "one", "")
	slow = true
	set := make(chan error)
	go func() { set <- s.Set("a", "two", 0) }()
	<-asked
	holds(t, s, "a", "one", "") // by a root key that answers nobody
	slow = false
	close(answer)
	if err := <-set; err != nil {
		t.Fatal(err)
	}
	holds(t, s, "a", "two", "")
}

// Whatever a file of secrets holds, what opens it is either all of it or an error.
func FuzzSecretsFile(f *testing.F) {
	dir := f.TempDir()
	s := keptSecrets(dir)
	if err := s.Set("a", secretCanary, 0); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "secrets.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"version":1,"mac_key":"","mac":"","secrets":[]}`))
	f.Add([]byte(`{"version":1,"secrets":[{"name":"a","versions":[]}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, "secrets.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if v, _, err := keptSecrets(dir).Read("a"); err == nil && v.Text != secretCanary {
			t.Errorf("read %q", v.Text)
		}
	})
}
