package httpsig_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/httpsig"
)

// FuzzParse: what is taken is written back to the letter, so no signature has
// two spellings.
func FuzzParse(f *testing.F) {
	f.Add("sig1="+goodList+goodParams, "sig1="+goodBytes, "sha-256="+goodBytes)
	f.Add(`*=("@method" "@target-uri" "content-digest");tag="doorward";alg="hmac-sha256";created=1;keyid="k";nonce="----------------"`, "*="+goodBytes, "sha-256="+goodBytes)
	f.Add(`sig1=("@method" "@target-uri" "content-digest" "a" );created=01`, "sig1=::", "sha-256=::")
	f.Fuzz(func(t *testing.T, input, signature, digest string) {
		h := headers(input, signature, digest)
		in, err := httpsig.Parse(h)
		if err != nil {
			return
		}
		if diff := cmp.Diff(h, in.Header()); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzBase: a signature of one request is good for another only where they do not
// differ, so no two requests have the same base.
func FuzzBase(f *testing.F) {
	f.Add("POST", "/mcp", "mcp-name", "a", "POST", "/mcp", "mcp-name", "a ")
	f.Add("POST", "/mcp", "mcp-name", "a", "POST", "/mcp", "Mcp-Name", "b")
	f.Add("POST", "/mcp?", "mcp-name", "a", "POST", "/mcp", "mcp-name", "a")
	f.Add("POST", "/a\n\"mcp-name\": x", "mcp-name", "a", "POST", "/a", "mcp-name", "x")
	f.Add("A", "/", "mcp-a", "b: c", "A", "/", "mcp-a\": b", "c")
	f.Fuzz(func(t *testing.T, methodA, targetA, nameA, valueA, methodB, targetB, nameB, valueB string) {
		a := httpsig.Request{Method: methodA, Base: "https://a.example", Target: targetA, Header: http.Header{nameA: {valueA}}, Cover: []string{nameA}}
		b := httpsig.Request{Method: methodB, Base: "https://a.example", Target: targetB, Header: http.Header{nameB: {valueB}}, Cover: []string{nameB}}
		k := key()
		h, err := httpsig.Sign(a, k, params())
		if err != nil {
			return
		}
		in, err := httpsig.Parse(h)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Verify(k.Secret[:], a); err != nil {
			t.Errorf("not good for its own request: %v", err)
		}
		same := methodA == methodB && targetA == targetB && len(nameA) == len(nameB) && strings.EqualFold(nameA, nameB) && // the length, as U+212A folds to k
			strings.Trim(valueA, " \t") == strings.Trim(valueB, " \t")
		if strings.EqualFold(nameA, "content-digest") && strings.EqualFold(nameB, "content-digest") {
			same = methodA == methodB && targetA == targetB // the signature has its own
		}
		if err := in.Verify(k.Secret[:], b); (err == nil) != same {
			t.Errorf("same is %v, and for the other: %v", same, err)
		}
	})
}
