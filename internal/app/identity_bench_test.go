package app_test

import (
	"net/http"
	"testing"

	"doorward/internal/gatetest"
)

// BenchmarkIdentity is a whole call over HTTP as each method of identity makes it;
// the difference to a key is what a method costs. A token is judged once and kept.
func BenchmarkIdentity(b *testing.B) {
	idp := gatetest.Provider(b)
	up := gatetest.Upstream(b, gatetest.Script{Tools: rawTools("echo")})
	g := gatetest.Gateway(b, "identity: {api_keys: true, issuers: [{issuer: \""+idp.URL()+"\"}]}\nupstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": up})
	idp.For(g)
	g.Approve("")
	for name, credential := range map[string]string{"key": g.Key("bench"), "token": idp.Token(map[string]any{"scope": "mcp:execute:tools"})} {
		b.Run(name, func(b *testing.B) {
			c := g.Client(name, credential).Open(modern)
			body := c.Request("1", "tools/call", `"name":"up__echo","arguments":{}`)
			b.ReportAllocs()
			for b.Loop() {
				if r := c.Post(body); r.Status != http.StatusOK {
					b.Fatal(r)
				}
			}
		})
	}
}
