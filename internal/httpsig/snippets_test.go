package httpsig_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/httpsig"
)

const (
	page    = "../../docs/how-to/sign-requests.md"
	snippet = "../../docs/how-to/sign-requests"
)

// snippets are the programs of the page, each on its own implementation of the
// signature, and what runs them.
var snippets = map[string]struct {
	language string
	run      []string
	needs    []string
}{
	"sign.go":  {"go", []string{"go", "run", "sign.go"}, []string{"go"}},
	"sign.mjs": {"js", []string{"node", "sign.mjs"}, []string{"node"}},
	"sign.sh":  {"sh", []string{"sh", "sign.sh"}, []string{"sh", "openssl", "curl", "od", "sed"}},
}

// Each snippet is let in with the key, and not with another one.
func TestTheSnippetsSign(t *testing.T) {
	gateway := httptest.NewUnstartedServer(nil)
	gateway.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := admit("http://"+gateway.Listener.Addr().String(), r); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintln(w, "let in")
	})
	gateway.Start()
	t.Cleanup(gateway.Close)
	for name, s := range snippets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, program := range s.needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Fatalf("%s is not installed, and docs/how-to/sign-requests/%s is run with it: install it", program, name)
				}
			}
			run := func(keyText string) string {
				cmd := exec.CommandContext(t.Context(), s.run[0], append(s.run[1:len(s.run):len(s.run)], gateway.URL+"/mcp/team?x=%2f&y")...)
				cmd.Dir = snippet
				cmd.Env = append(os.Environ(), "DOORWARD_KEY="+keyText, "DOORWARD_KEY_ID="+key().ID)
				out, err := cmd.CombinedOutput()
				t.Logf("%v (%v):\n%s", s.run, err, out)
				return string(out)
			}
			if out := run(keyText); !strings.Contains(out, "let in") {
				t.Error("is not let in")
			}
			if out := run(keyText + "x"); !strings.Contains(out, httpsig.ErrSignature.Error()) {
				t.Error("is not refused with another key")
			}
		})
	}
}

// admit is what a gateway that is known by base does with a request.
func admit(base string, r *http.Request) error {
	in, err := httpsig.Parse(r.Header)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if in.KeyID != key().ID || time.Since(in.Created).Abs() > time.Minute || in.Digest != sha256.Sum256(body) || !bytes.Contains(body, []byte("tools/list")) {
		return errors.New("another key, time or body")
	}
	k := key()
	return in.Verify(k.Secret[:], httpsig.Request{Method: r.Method, Base: base, Target: r.RequestURI, Header: r.Header})
}

// The page shows the programs that were run.
func TestThePageShowsTheSnippets(t *testing.T) {
	shown, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range snippets {
		text, err := os.ReadFile(filepath.Join(snippet, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(shown, []byte("```"+s.language+"\n"+string(text)+"```\n")) {
			t.Errorf("%s does not show %s as it is", page, name)
		}
		if s.language == "go" && bytes.Count(text, []byte("\n")) > 60 {
			t.Errorf("%s has more than 60 lines", name)
		}
	}
}

// The page's example, by which others check their own implementation.
func TestThePageShowsASignature(t *testing.T) {
	shown, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	r := httpsig.Request{
		Method: "POST", Base: "https://mcp.example.com", Target: "/mcp?x=%2F",
		Header: http.Header{"Content-Type": {"application/json"}, "Mcp-Method": {"ping"}},
	}
	h, err := httpsig.Sign(r, key(), httpsig.Params{
		Created: time.Unix(1_790_000_000, 0), Nonce: "n0123456789abcdef", Digest: sha256.Sum256([]byte(body)),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, params, _ := strings.Cut(h.Get("Signature-Input"), "=")
	base := `"@method": POST
"@target-uri": https://mcp.example.com/mcp?x=%2F
"content-digest": ` + h.Get("Content-Digest") + `
"content-type": application/json
"mcp-method": ping
"@signature-params": ` + params
	secret := key().Secret
	if want := "sig1=:" + hmacOf(secret[:], base) + ":"; h.Get("Signature") != want {
		t.Errorf("Signature = %q, want %q", h.Get("Signature"), want)
	}
	for _, text := range []string{
		keyText, hex.EncodeToString(secret[:]), body, base, "Content-Digest: " + h.Get("Content-Digest"),
		"Signature-Input: " + h.Get("Signature-Input"), "Signature: " + h.Get("Signature"),
	} {
		if !strings.Contains(string(shown), text+"\n") {
			t.Errorf("%s does not show:\n%s", page, text)
		}
	}
}
