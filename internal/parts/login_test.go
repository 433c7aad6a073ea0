package parts_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// account is a user of doorward as a client: tokens of its own, and a person who
// goes where the terminal says.
type account struct {
	t      *testing.T
	home   string
	person *person
}

func newAccount(t *testing.T) *account {
	t.Helper()
	return &account{t, t.TempDir(), newPerson(t)}
}

func (a *account) command(args ...string) *exec.Cmd {
	cmd := exec.Command(doorward, args...)
	cmd.Dir = a.home
	cmd.Env = append(os.Environ(), "HOME="+a.home, "XDG_STATE_HOME="+filepath.Join(a.home, "state"), "ROBOT="+robot["client_secret"].(string))
	return cmd
}

// must runs a command that has to succeed, and returns what it prints.
func (a *account) must(args ...string) string {
	a.t.Helper()
	r := execute(a.t, a.command(args...))
	if r.code != 0 {
		a.t.Fatalf("doorward %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return strings.TrimSuffix(r.stdout, "\n")
}

// fails runs a command that must not succeed.
func (a *account) fails(code int, want string, args ...string) {
	a.t.Helper()
	if r := execute(a.t, a.command(args...)); r.code != code || !strings.Contains(r.stderr, want) || r.stdout != "" {
		a.t.Errorf("doorward %s: exit %d, want %d and %q\n%s%s", strings.Join(args, " "), r.code, code, want, r.stdout, r.stderr)
	}
}

var shownAddress = regexp.MustCompile(`(?m)^  (http://\S+)$`)

// login signs in: the person goes to the last address that the terminal shows.
func (a *account) login(addresses int, args ...string) {
	a.t.Helper()
	cmd := a.command(append([]string{"login", "--no-browser"}, args...)...)
	var out, errs printed
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = cmd.Wait() // the exit code says it
	}()
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-over
	})
	var at [][]string
	eventually(a.t, "an address to go to", func() bool {
		at = shownAddress.FindAllStringSubmatch(errs.String(), -1)
		select {
		case <-over:
			a.t.Fatalf("doorward login ended with %d: %s", cmd.ProcessState.ExitCode(), errs.String())
		default:
		}
		return len(at) == addresses
	})
	if end, text, err := a.person.visit(at[addresses-1][1], ""); err != nil || !strings.Contains(text, "signed in") && !strings.Contains(text, "Doorward has what it needs") {
		a.t.Fatalf("signing in ended at %v: %s, error %v", end, text, err)
	}
	select {
	case <-over:
	case <-time.After(patience):
		a.t.Fatal("doorward login waits on")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 || !strings.Contains(out.String(), "Signed in to ") {
		a.t.Fatalf("doorward login: exit %d\n%s%s", code, out.String(), errs.String())
	}
}

// The commands for clients, with a real authorization server and a gateway that
// takes its tokens.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	const secret = "what only the two know: +/%"
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	holder := client{
		"client_id": "holder", "grant_types": []string{"client_credentials"}, "response_types": []string{}, "redirect_uris": []string{}, "token_endpoint_auth_method": "private_key_jwt",
		"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "holder's", Algorithm: "ES256", Use: "sig"}}},
	}
	a := newAuthority(t, asking(secret), holder)
	g := startWith(t, secret, a.guarded(t, asked))
	t.Run("a job with a secret", func(t *testing.T) {
		t.Parallel()
		job := newAccount(t)
		args := []string{"token", g.url, "--issuer", a.url, "--client-id", "robot", "--client-secret", "env:ROBOT", "--scope", toolScope}
		token := job.must(args...)
		works(t, g.url, token)
		if again := job.must(args...); again != token {
			t.Error("the second token is another")
		}
		job.fails(3, "invalid_client", append(args, "--client-id", "nobody")...)
	})
	t.Run("a job with a key", func(t *testing.T) {
		t.Parallel()
		job := newAccount(t)
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(filepath.Join(job.home, "key.pem"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		works(t, g.url, job.must("token", g.url, "--issuer", a.url, "--client-id", "holder", "--client-key", "file:key.pem", "--scope", toolScope))
	})
	t.Run("a browser", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{g.url, g.url + "/opaque"} {
			ada := newAccount(t)
			ada.fails(1, "doorward login "+url, "token", url)
			ada.login(1, url, "--scope", toolScope)
			token := ada.must("token", url)
			works(t, url, token)
			if again := ada.must("token", url); again != token {
				t.Error("the second token is another")
			}
			ada.must("login", "--forget", url)
			ada.fails(1, "doorward login "+url, "token", url)
		}
	})
	t.Run("another device", func(t *testing.T) {
		t.Parallel()
		ada := newAccount(t)
		ada.login(2, g.url, "--device", "--scope", toolScope)
		works(t, g.url, ada.must("token", g.url))
	})
	t.Run("renewal", func(t *testing.T) {
		t.Parallel()
		ada := newAccount(t)
		url := g.url + "/brief"
		ada.login(1, url, "--scope", toolScope)
		first, second := ada.must("token", url), ada.must("token", url)
		if first == second {
			t.Error("a token that ends within a minute is not renewed")
		}
		works(t, url, second)
	})
	for _, era := range []string{stateful, stateless} {
		t.Run("the bridge, "+era, func(t *testing.T) {
			t.Parallel()
			bridged(t, g, era)
		})
	}
}

// bridged uses doorward stdio --remote, which has no credential but the login.
func bridged(t *testing.T, g *gateway, era string) {
	t.Helper()
	ada := newAccount(t)
	url := g.url + "/opaque"
	bridge := func() mcp.Transport {
		cmd := ada.command("stdio", "--remote", url)
		cmd.Stderr = &g.log
		return &mcp.CommandTransport{Command: cmd}
	}
	f := &front{name: "bridge", era: era, over: "http", sdk: "go", initial: map[string]string{stateful: "m", stateless: "n"}[era]}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if u, err := f.connectGo(ctx, bridge()); err == nil {
		_ = u.cs.Close()
		t.Error("a bridge without a login connects")
	} else if !strings.Contains(err.Error(), "doorward login "+url) {
		t.Errorf("without a login: %v, want what to do", err)
	}
	ada.login(1, url)
	u, err := f.connectGo(ctx, bridge())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = u.cs.Close() }()
	more := regexp.MustCompile(`doorward login \S+ --scope (\S+)`)
	_, err = u.call(ctx, "echo", "me")
	if err == nil || !more.MatchString(err.Error()) {
		t.Fatalf("a tool without the scope: %v, want what to do", err)
	}
	ada.login(1, url, "--scope", strings.Trim(more.FindStringSubmatch(err.Error())[1], `"'`))
	if text, err := u.call(ctx, "echo", "me"); err != nil || text != "echo of me" {
		t.Errorf("after another login: %q, error %v", text, err)
	}
	check(t, f, &behind{name: "bridge"}, f.useGoOver(ctx, bridge()))
}

// With a key, the bridge needs no authorization server.
func TestBridgeWithAKey(t *testing.T) {
	t.Parallel()
	g := start(t, "version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams: {up: "+overHTTP("stateless")(t)+"}\nprofiles: {plain: {upstreams: [up], names: plain}}\ntrust: {first_use: approve}\n")
	ada := newAccount(t)
	path := filepath.Join(ada.home, "key")
	if err := os.WriteFile(path, []byte(g.key("create", "ada").Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for era, initial := range map[string]string{stateful: "m", stateless: "n"} {
		f := &front{name: "bridge", era: era, over: "http", sdk: "go", initial: initial}
		cmd := ada.command("stdio", "--remote", g.url+"/plain", "--key", "file:"+path)
		cmd.Stderr = &g.log
		check(t, f, &behind{name: "bridge"}, f.useGoOver(t.Context(), &mcp.CommandTransport{Command: cmd}))
	}
	g.must("audit", "verify")
	for _, text := range []string{g.log.String(), g.must("audit", "search", "--format", "json")} {
		if strings.Contains(text, "dw_") {
			t.Error("a key is in a log")
		}
	}
}
