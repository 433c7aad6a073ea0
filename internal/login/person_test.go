package login_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"doorward/internal/login"
)

// person signs in: a browser that follows redirects, and what the terminal said.
type person struct {
	t   testing.TB
	dir string

	mu   sync.Mutex
	said []string
	page string      // what the browser showed last
	head http.Header // of that page
	open func(link string) error
}

func newPerson(t testing.TB) *person {
	t.Helper()
	return &person{t: t, dir: filepath.Join(t.TempDir(), "state", "tokens")}
}

// keeper is a Keeper on the person's directory.
func (p *person) keeper() *login.Keeper {
	return login.New(login.Options{Dir: p.dir, Say: p.say, Open: p.browse, Secret: secret, Agent: "doorward-test"})
}

// secret reads a reference as the cli does: the text of env:TEXT is TEXT.
func secret(reference string) (string, error) {
	kind, rest, _ := strings.Cut(reference, ":")
	switch kind {
	case "env":
		return rest, nil
	case "file":
		text, err := os.ReadFile(rest)
		return string(text), err
	}
	return "", errors.New("no such reference")
}

func (p *person) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, text)
}

// told is everything that the terminal said.
func (p *person) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// browse is a browser whose user consents to everything.
func (p *person) browse(link string) error {
	if p.open != nil {
		return p.open(link)
	}
	return p.visit(link)
}

func (p *person) visit(link string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(link)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	p.mu.Lock()
	p.page, p.head = string(text), res.Header
	p.mu.Unlock()
	return err
}

// files are those that are kept, without locks.
func (p *person) files() []string {
	p.t.Helper()
	all, err := filepath.Glob(filepath.Join(p.dir, "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, ".lock") })
}

// file is the only one that is kept.
func (p *person) file() string {
	p.t.Helper()
	all := p.files()
	if len(all) != 1 {
		p.t.Fatalf("there are %d files, want 1: %v", len(all), all)
	}
	return all[0]
}

// kept is the content of that file.
func (p *person) kept() string {
	p.t.Helper()
	text, err := os.ReadFile(p.file())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// signIn signs in and must succeed.
func (p *person) signIn(r login.Request, f login.Flow) *login.Token {
	p.t.Helper()
	tok, err := p.keeper().SignIn(p.t.Context(), r, f)
	if err != nil {
		p.t.Fatalf("signing in: %v", err)
	}
	return tok
}

// source is that of a request, which must be in order.
func (p *person) source(r login.Request, f login.Flow) *login.Source {
	p.t.Helper()
	s, err := p.keeper().Source(r, f)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}
