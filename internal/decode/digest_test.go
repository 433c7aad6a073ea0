package decode_test

import (
	"crypto/sha256"
	"testing"

	"doorward/internal/gate"
)

// The body is the one that was signed, byte for byte, whatever it holds (AUT-38).
func TestABodyThatWasNotSigned(t *testing.T) {
	body := rpc("tools/call", `{"name":"x"}`)
	for text, want := range map[string]gate.Code{
		body: "", body + " ": gate.CodeBadCredential, body[:len(body)-1]: gate.CodeBadCredential, "": gate.CodeBadCredential,
		"[" + body + "]": gate.CodeBadCredential, "not JSON": gate.CodeBadCredential,
	} {
		ex := post(text, "Mcp-Session-Id", "s1125")
		sum := sha256.Sum256([]byte(body))
		ex.Digest = &sum
		if v := judge(t, newTable(), ex); v.Code != want {
			t.Errorf("%q: %+v, want %q", text, v, want)
		}
		if want != "" && ex.Call.Message != nil {
			t.Errorf("%q was parsed", text)
		}
	}
}
