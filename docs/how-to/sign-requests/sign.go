// Command sign sends one signed request and prints the answer: go run sign.go URL
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// sign adds the headers of a signature to a request that has all its others.
func sign(req *http.Request, body, keyID, key string) {
	digest, b64 := sha256.Sum256([]byte(body)), base64.StdEncoding.EncodeToString
	req.Header.Set("Content-Digest", "sha-256=:"+b64(digest[:])+":")
	names := []string{"@method", "@target-uri", "content-digest"}
	for name := range req.Header {
		if name = strings.ToLower(name); name == "content-type" || name == "last-event-id" || strings.HasPrefix(name, "mcp-") {
			names = append(names, name)
		}
	}
	slices.Sort(names[3:])
	params := fmt.Sprintf(`("%s");created=%d;nonce="%s";keyid="%s";alg="hmac-sha256";tag="doorward"`,
		strings.Join(names, `" "`), time.Now().Unix(), rand.Text(), keyID)
	base, derived := "", map[string]string{"@method": req.Method, "@target-uri": req.URL.Scheme + "://" + req.URL.Host + req.URL.RequestURI()}
	for _, name := range names {
		base += `"` + name + `": ` + derived[name] + req.Header.Get(name) + "\n"
	}
	signature := mac(mac([]byte(key), "doorward request signing v1"), base+`"@signature-params": `+params)
	req.Header.Set("Signature-Input", "sig1="+params)
	req.Header.Set("Signature", "sig1=:"+b64(signature)+":")
}

func main() {
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	req, err := http.NewRequest("POST", os.Args[1], strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header = http.Header{"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"},
		"Mcp-Method": {"tools/list"}, "Mcp-Protocol-Version": {"2026-07-28"}}
	sign(req, body, os.Getenv("DOORWARD_KEY_ID"), os.Getenv("DOORWARD_KEY"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	_ = resp.Write(os.Stdout)
}
