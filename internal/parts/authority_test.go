package parts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// authority is a running authorization server: oidc-provider (testdata/oidc.mjs).
// The URL of a resource that ends in /opaque has opaque tokens, every other JWTs.
type authority struct {
	t   *testing.T
	url string // the issuer
	cmd *exec.Cmd
	log printed
}

// client is one that the authorization server knows from the start.
type client map[string]any

// machine is a client that has tokens for itself.
func machine(id, secret string) client {
	return client{"client_id": id, "client_secret": secret, "grant_types": []string{"client_credentials"}, "response_types": []string{}, "redirect_uris": []string{}}
}

// robot is the machine of most tests.
var robot = machine("robot", "the secret of robot")

// newAuthority starts an authorization server. It ends with the test.
func newAuthority(t *testing.T, clients ...client) *authority {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("testdata", "oidc.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	known, err := json.Marshal(append([]client{robot}, clients...))
	if err != nil {
		t.Fatal(err)
	}
	packages(t, "oidc-provider")
	a := &authority{t: t, cmd: exec.Command(node(t), script, packages(t), string(known))}
	var out printed
	a.cmd.Stdout, a.cmd.Stderr = &out, &a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.end()
		if t.Failed() {
			t.Logf("oidc-provider printed:\n%s", a.log.String())
		}
	})
	eventually(t, "the issuer of oidc.mjs", func() bool { return out.count("\n") > 0 })
	a.url = strings.TrimSpace(out.String())
	return a
}

// end ends the authorization server.
func (a *authority) end() {
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait() // it was killed, here or before
}

// keys changes what tokens are signed with: add puts a new key before the others,
// drop forgets the others.
func (a *authority) keys(change string) {
	a.t.Helper()
	if status, _ := a.post("/keys/"+change, nil, nil); status != http.StatusNoContent {
		a.t.Fatalf("keys/%s: status %d", change, status)
	}
}

// post sends a form to one of the server's endpoints.
func (a *authority) post(path string, form url.Values, header http.Header) (status int, body []byte) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		a.t.Fatal(err)
	}
	return res.StatusCode, body
}

// token is an access token that robot has for a resource.
func (a *authority) token(resource, scope string, header http.Header) string {
	a.t.Helper()
	status, body := a.post("/token", url.Values{
		"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {scope},
		"client_id": {robot["client_id"].(string)}, "client_secret": {robot["client_secret"].(string)},
	}, header)
	var answer struct {
		Token string `json:"access_token"`
		Scope string `json:"scope"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || answer.Token == "" || answer.Scope != scope {
		a.t.Fatalf("a token for %s: status %d, %s", resource, status, body)
	}
	return answer.Token
}

// person is a browser and somebody who agrees to everything.
type person struct {
	t    *testing.T
	http *http.Client
}

func newPerson(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, &http.Client{Jar: jar}}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formInput  = regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"`)
)

// visit opens a page, sends every form that it leads to, and returns where it
// ends: at a URL that begins with until, which is not opened, or at a page without
// a form.
func (p *person) visit(page, until string) (end *url.URL, text string, err error) {
	stop := *p.http
	stop.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if until != "" && strings.HasPrefix(r.URL.String(), until) {
			end = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, page, nil)
	if err != nil {
		return nil, "", err
	}
	for range 5 {
		res, err := stop.Do(r)
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || end != nil {
			return end, "", err
		}
		if res.StatusCode != http.StatusOK {
			return nil, "", fmt.Errorf("%s: status %d, %s", res.Request.URL, res.StatusCode, body)
		}
		action := formAction.FindSubmatch(body)
		if action == nil {
			return res.Request.URL, string(body), nil
		}
		form := url.Values{}
		for _, input := range formInput.FindAllSubmatch(body, -1) {
			form.Add(string(input[1]), string(input[2]))
		}
		target, err := res.Request.URL.Parse(string(action[1]))
		if err != nil {
			return nil, "", err
		}
		if r, err = http.NewRequestWithContext(p.t.Context(), http.MethodPost, target.String(), bytes.NewReader([]byte(form.Encode()))); err != nil {
			return nil, "", err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return nil, "", fmt.Errorf("%s leads to one form after the other", page)
}
