package places_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"doorward/internal/policy/places"
)

// The parts of legitimate URLs, as APIs, documentation and people write them.
var (
	realHosts = []string{
		"api.github.com", "raw.githubusercontent.com", "en.wikipedia.org", "docs.python.org", "pkg.go.dev", "www.google.com", "api.openai.com", "api.anthropic.com",
		"registry.npmjs.org", "pypi.org", "developer.mozilla.org", "stackoverflow.com", "s3.eu-central-1.amazonaws.com", "my-bucket.s3.amazonaws.com",
		"storage.googleapis.com", "myaccount.blob.core.windows.net", "login.microsoftonline.com", "graph.microsoft.com", "slack.com", "hooks.slack.com", "api.stripe.com",
		"acme.atlassian.net", "acme.sharepoint.com", "gitlab.com", "bitbucket.org", "arxiv.org", "doi.org", "www.bbc.co.uk", "www.gov.uk", "eur-lex.europa.eu",
		"api.weather.gov", "nominatim.openstreetmap.org", "tile.openstreetmap.org", "query1.finance.yahoo.com", "news.ycombinator.com", "hub.docker.com", "ghcr.io",
		"1password.com", "9gag.com", "4chan.org", "163.com", "r3---sn-4g5e6nzz.googlevideo.com", "d111111abcdef8.cloudfront.net", "xn--mnchen-3ya.de", "xn--bcher-kva.example",
		"xn--fiqs8s.xn--fiqs8s", "xn--80ak6aa92e.com", "xn--p1ai.xn--p1ai", "www.xn--strae-oqa.de", "xn--wgv71a119e.jp", "xn--e1afmkfd.xn--p1ai", "xn--caf-dma.fr", "xn--nxasmq6b.gr",
		"xn--mgbh0fb.xn--kgbechtv", "xn--hxajbheg2az3al.xn--jxalpdlp", "xn--zckzah.jp", "9.9.9.9", "1.1.1.1", "8.8.8.8", "140.82.121.4", "[2606:4700:4700::1111]", "[2001:4860:4860::8888]",
		"[2620:fe::fe]", "[2a00:1450:4001:81b::200e]", "Example.COM", "API.Example.org", "a.b.c.d.e.example.net", "123.example.com", "0x7f.example.com", "x--y.example.com",
	}
	realPaths = []string{
		"", "/", "/v1/users", "/v1/users/42/orders", "/wiki/Server-side_request_forgery", "/wiki/C%2B%2B", "/wiki/M%C3%BCnchen", "/3/library/urllib.parse.html", "/golang.org/x/net@v0.50.0/html",
		"/@scope/pkg/-/pkg-1.2.3.tgz", "/react@18.2.0/umd/react.js", "/questions/11227809/why-is-it-faster", "/repos/acme/site/contents/docs/a%20b.md", "/abs/2501.12345v2", "/10.1000/xyz(123)",
		"/Foo_(bar)", "/users('a')/messages", "/a,b;c=1/d", "/~user/", "/2026/11/26/title-of-the-day/", "/web/2020/https://example.com/", "/maps/@52.52,13.40,12z", "/a/b/../c", "/a:b", "/.well-known/openid-configuration",
		"/a//b", "/%E4%B8%AD%E6%96%87", "/x$y&z=1!*'", "/api/v2/search.json",
	}
	realQueries = []string{
		"", "?q=ssrf", "?page=2&per_page=100", "?filter[name]=x&filter[age][gte]=3", "?fields=id,name,owner(login)", "?q=a%20b+c&lang=de", "?email=a@example.com", "?redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb",
		"?url=https://example.com/a?b=c", "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261126%2Feu%2Fs3%2Faws4_request&X-Amz-Signature=0f9a", "?since=2026-11-26T10:00:00Z", "?t=1h2m3s", "?v=1.2.3",
		"?ids=1|2|3", "?$filter=name%20eq%20'x'&$top=10", "?bbox=13.0,52.3,13.8,52.7", "?q=%22exact%20phrase%22%20-not", "?a=&b", "?sig=abc%3D%3D", "?q=line%0Aline", "?_=1", "?tz=Europe/Berlin",
	}
	realFragments = []string{"", "", "", "#top", "#section-2.1", "#L10-L20", "#/route/x?y=1", "#:~:text=hello%20world"}
)

func legitimate() []string {
	r := rand.New(rand.NewPCG(1, 41))
	seen := map[string]bool{}
	var all []string
	put := func(u string) {
		if !seen[u] {
			seen[u] = true
			all = append(all, u)
		}
	}
	for _, h := range realHosts {
		for range 24 {
			scheme := []string{"https", "https", "https", "http"}[r.IntN(4)]
			port := []string{"", "", "", ":443", ":8443", ":80"}[r.IntN(6)]
			u := scheme + "://" + h + port + realPaths[r.IntN(len(realPaths))] + realQueries[r.IntN(len(realQueries))] + realFragments[r.IntN(len(realFragments))]
			if rest := strings.TrimPrefix(u, scheme+"://"); strings.ContainsRune(rest, '@') && !strings.Contains(rest, "/") {
				continue // ambiguous: refused on purpose
			}
			put(u)
		}
	}
	for i := range 200 {
		q := url.Values{}
		for k := range 1 + r.IntN(30) {
			q.Set(fmt.Sprintf("key_%d.%d", i, k), []string{"plain", "with blank", "ünï", "a@b.c", "<tag>", "50%", "x&y", "{\"a\":1}", "日本"}[r.IntN(9)])
		}
		put((&url.URL{Scheme: "https", Host: realHosts[r.IntN(30)], Path: "/s/" + fmt.Sprint(i) + " ü", RawQuery: q.Encode()}).String())
	}
	for range 200 {
		var b [16]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		b[0], b[1] = 0x2a, byte(r.IntN(0x10))
		put("https://[" + netip.AddrFrom16(b).String() + "]/status")
		put(fmt.Sprintf("http://%d.%d.%d.%d:8443/x", 11+r.IntN(88), r.IntN(256), r.IntN(256), r.IntN(256)))
	}
	return all
}

// At most 0.5 % of legitimate URLs are refused.
func TestLegitimateURLs(t *testing.T) {
	j := judge(t, places.Rule{Ports: []int{80, 443, 8443}})
	all := legitimate()
	refused := 0
	for _, u := range all {
		if _, err := url.Parse(u); err != nil {
			t.Errorf("the corpus holds what is no URL: %q", u)
		}
		if why := j.URL(u); why != "" {
			refused++
			t.Logf("refused: %q: %s", u, why)
		}
	}
	t.Logf("%d legitimate URLs, %d refused", len(all), refused)
	if len(all) < 1000 || refused*200 > len(all) {
		t.Errorf("%d of %d legitimate URLs refused", refused, len(all))
	}
}
