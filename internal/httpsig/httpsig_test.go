package httpsig_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/httpsig"
)

const (
	keyText = "dw_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	body    = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
)

func key() httpsig.Key {
	return httpsig.Key{ID: "k_0123456789", Secret: httpsig.Secret(keyText)}
}

func params() httpsig.Params {
	return httpsig.Params{
		Created: time.Unix(1_790_000_000, 0), Nonce: "0123456789abcdef-_AZ",
		Digest: sha256.Sum256([]byte(body)),
	}
}

// request is a request with every kind of header that a signature covers, and
// two that it does not.
func request() httpsig.Request {
	return httpsig.Request{
		Method: "POST", Base: "https://mcp.example.com", Target: "/mcp/team-a?x=1&y=%2F",
		Header: http.Header{
			"Accept":               {"application/json, text/event-stream"},
			"User-Agent":           {"test"},
			"Content-Type":         {"application/json"},
			"Last-Event-Id":        {"17"},
			"Mcp-Method":           {"tools/call"},
			"Mcp-Name":             {"files__read_file"},
			"Mcp-Param-Path":       {"/srv/docs/a b"},
			"Mcp-Protocol-Version": {"2026-07-28"},
			"Mcp-Session-Id":       {"s_123"},
		},
	}
}

func sign(tb testing.TB, r httpsig.Request) http.Header {
	tb.Helper()
	h, err := httpsig.Sign(r, key(), params())
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// judge is what a gateway does: it parses the headers of the request, verifies,
// and holds what it says against what it is.
func judge(r httpsig.Request, signed http.Header) error {
	r.Header = merged(r.Header, signed)
	in, err := httpsig.Parse(r.Header)
	if err != nil {
		return err
	}
	k := key()
	if in.KeyID != k.ID {
		return errors.New("another key")
	}
	return in.Verify(k.Secret[:], r)
}

func merged(headers ...http.Header) http.Header {
	all := http.Header{}
	for _, h := range headers {
		maps.Copy(all, h)
	}
	return all
}

func TestASignedRequestVerifies(t *testing.T) {
	bare := httpsig.Request{Method: "GET", Base: "http://127.0.0.1:8080", Target: "/mcp"}
	for name, r := range map[string]httpsig.Request{"all headers": request(), "no header": bare} {
		t.Run(name, func(t *testing.T) {
			h := sign(t, r)
			if err := judge(r, h); err != nil {
				t.Error(err)
			}
			in, err := httpsig.Parse(h)
			if err != nil {
				t.Fatal(err)
			}
			p := params()
			if in.KeyID != key().ID || !in.Created.Equal(p.Created) || in.Nonce != p.Nonce || in.Digest != p.Digest {
				t.Errorf("parsed %+v", in)
			}
		})
	}
}

// The headers are those of the package comment, to the letter.
func TestTheHeadersOfASignature(t *testing.T) {
	h := sign(t, request())
	want := `sig1=("@method" "@target-uri" "content-digest" "content-type" "last-event-id" "mcp-method" "mcp-name" "mcp-param-path" ` +
		`"mcp-protocol-version" "mcp-session-id");created=1790000000;nonce="0123456789abcdef-_AZ";keyid="k_0123456789";alg="hmac-sha256";tag="doorward"`
	if got := h.Get("Signature-Input"); got != want {
		t.Error(cmp.Diff(want, got))
	}
	sum := sha256.Sum256([]byte(body))
	if got, want := h.Get("Content-Digest"), "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":"; got != want {
		t.Errorf("Content-Digest = %q, want %q", got, want)
	}
	_, params, _ := strings.Cut(want, "=")
	base := `"@method": POST
"@target-uri": https://mcp.example.com/mcp/team-a?x=1&y=%2F
"content-digest": ` + h.Get("Content-Digest") + `
"content-type": application/json
"last-event-id": 17
"mcp-method": tools/call
"mcp-name": files__read_file
"mcp-param-path": /srv/docs/a b
"mcp-protocol-version": 2026-07-28
"mcp-session-id": s_123
"@signature-params": ` + params
	k := key()
	if got, want := h.Get("Signature"), "sig1=:"+hmacOf(k.Secret[:], base)+":"; got != want {
		t.Errorf("Signature = %q, want %q", got, want)
	}
}

func hmacOf(secret []byte, text string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// The secret is what docs/how-to/sign-requests.md says, for those who derive it
// themselves.
func TestSecret(t *testing.T) {
	m := hmac.New(sha256.New, []byte(keyText))
	m.Write([]byte("doorward request signing v1"))
	if got := httpsig.Secret(keyText); hex.EncodeToString(got[:]) != hex.EncodeToString(m.Sum(nil)) {
		t.Errorf("Secret = %x", got)
	}
}

// RFC 9421, appendix B.2.5, with the shared secret of B.1.5.
func TestTheExampleOfTheRFC(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
	if err != nil {
		t.Fatal(err)
	}
	got := httpsig.MAC(secret, [][2]string{
		{"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
		{"@authority", "example.com"},
		{"content-type", "application/json"},
	}, `("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`)
	if text := base64.StdEncoding.EncodeToString(got[:]); text != "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=" {
		t.Errorf("signature = %s", text)
	}
}

// One bit of any covered part makes it another request (AUT-38).
func TestOneBitOfAnythingIsRefused(t *testing.T) {
	signed := sign(t, request())
	parts := map[string]func(r *httpsig.Request, h http.Header, flip func(string) string){
		"method": func(r *httpsig.Request, _ http.Header, flip func(string) string) { r.Method = flip(r.Method) },
		"base":   func(r *httpsig.Request, _ http.Header, flip func(string) string) { r.Base = flip(r.Base) },
		"target": func(r *httpsig.Request, _ http.Header, flip func(string) string) { r.Target = flip(r.Target) },
	}
	for name := range request().Header {
		if name != "Accept" && name != "User-Agent" {
			parts[name] = func(r *httpsig.Request, _ http.Header, flip func(string) string) {
				r.Header.Set(name, flip(r.Header.Get(name)))
			}
		}
	}
	for name := range signed { // digest, created, nonce, keyid, algorithm, tag, list and signature
		parts[name] = func(_ *httpsig.Request, h http.Header, flip func(string) string) { h.Set(name, flip(h.Get(name))) }
	}
	for name, change := range parts {
		t.Run(name, func(t *testing.T) {
			for at, size := 0, 1; at < size; at++ {
				for bit := range 8 {
					r, h := request(), signed.Clone()
					change(&r, h, func(s string) string {
						size = len(s)
						b := []byte(s)
						b[at] ^= 1 << bit
						return string(b)
					})
					if err := judge(r, h); err == nil {
						t.Errorf("passed with bit %d of byte %d flipped", bit, at)
					}
				}
			}
		})
	}
}

// What is not the request that was signed is refused, however much alike it is:
// nothing is normalised (AUT-41), and host and tenant are signed (AUT-42).
func TestAnotherRequestIsRefused(t *testing.T) {
	set := func(name, value string) func(*httpsig.Request) {
		return func(r *httpsig.Request) { r.Header.Set(name, value) }
	}
	target := func(s string) func(*httpsig.Request) { return func(r *httpsig.Request) { r.Target = s } }
	for name, tc := range map[string]struct {
		change func(*httpsig.Request)
		want   error
	}{
		"other host":               {func(r *httpsig.Request) { r.Base = "https://mcp.example.net" }, httpsig.ErrSignature},
		"other scheme":             {func(r *httpsig.Request) { r.Base = "http://mcp.example.com" }, httpsig.ErrSignature},
		"other port":               {func(r *httpsig.Request) { r.Base = "https://mcp.example.com:8443" }, httpsig.ErrSignature},
		"other tenant":             {target("/mcp/team-b?x=1&y=%2F"), httpsig.ErrSignature},
		"no tenant":                {target("/mcp?x=1&y=%2F"), httpsig.ErrSignature},
		"other method":             {func(r *httpsig.Request) { r.Method = "DELETE" }, httpsig.ErrSignature},
		"method in lower case":     {func(r *httpsig.Request) { r.Method = "post" }, httpsig.ErrSignature},
		"slash in clear":           {target("/mcp/team-a?x=1&y=/"), httpsig.ErrSignature},
		"percent in lower case":    {target("/mcp/team-a?x=1&y=%2f"), httpsig.ErrSignature},
		"percent-encoded letter":   {target("/mcp/team-%61?x=1&y=%2F"), httpsig.ErrSignature},
		"query in another order":   {target("/mcp/team-a?y=%2F&x=1"), httpsig.ErrSignature},
		"two slashes":              {target("/mcp//team-a?x=1&y=%2F"), httpsig.ErrSignature},
		"dot segment":              {target("/mcp/./team-a?x=1&y=%2F"), httpsig.ErrSignature},
		"slash at the end":         {target("/mcp/team-a/?x=1&y=%2F"), httpsig.ErrSignature},
		"no query":                 {target("/mcp/team-a"), httpsig.ErrSignature},
		"ampersand at the end":     {target("/mcp/team-a?x=1&y=%2F&"), httpsig.ErrSignature},
		"absolute target":          {target("https://mcp.example.com/mcp/team-a?x=1&y=%2F"), httpsig.ErrRequest},
		"empty target":             {target(""), httpsig.ErrRequest},
		"asterisk":                 {target("*"), httpsig.ErrRequest},
		"fragment":                 {target("/mcp/team-a?x=1&y=%2F#f"), httpsig.ErrRequest},
		"target with a space":      {target("/mcp/team-a?x=1&y=%2F "), httpsig.ErrRequest},
		"target with a new line":   {target("/mcp\n\"content-digest\": x"), httpsig.ErrRequest},
		"target beyond ASCII":      {target("/mcp/team-ä"), httpsig.ErrRequest},
		"target beyond its bound":  {target("/" + strings.Repeat("x", 8<<10)), httpsig.ErrRequest},
		"no method":                {func(r *httpsig.Request) { r.Method = "" }, httpsig.ErrRequest},
		"base with a path":         {func(r *httpsig.Request) { r.Base, r.Target = "https://mcp.example.com/mcp", "/team-a?x=1&y=%2F" }, httpsig.ErrRequest},
		"base with its own port":   {func(r *httpsig.Request) { r.Base = "https://mcp.example.com:443" }, httpsig.ErrRequest},
		"base in upper case":       {func(r *httpsig.Request) { r.Base = "https://MCP.example.com" }, httpsig.ErrRequest},
		"no base":                  {func(r *httpsig.Request) { r.Base = "" }, httpsig.ErrRequest},
		"header that was not":      {set("Mcp-Param-Extra", "1"), httpsig.ErrCoverage},
		"header gone":              {func(r *httpsig.Request) { r.Header.Del("Mcp-Name") }, httpsig.ErrCoverage},
		"header without a line":    {func(r *httpsig.Request) { r.Header["Mcp-Name"] = []string{} }, httpsig.ErrCoverage},
		"header emptied":           {set("Mcp-Name", ""), httpsig.ErrSignature},
		"header twice":             {func(r *httpsig.Request) { r.Header.Add("Mcp-Name", "files__read_file") }, httpsig.ErrRequest},
		"header in two cases":      {func(r *httpsig.Request) { r.Header["mcp-name"] = []string{"x"} }, httpsig.ErrRequest},
		"header beyond ASCII":      {set("Mcp-Name", "fıles"), httpsig.ErrRequest},
		"header with a new line":   {set("Mcp-Name", "x\n\"mcp-session-id\": y"), httpsig.ErrRequest},
		"header with a NUL":        {set("Mcp-Name", "x\x00"), httpsig.ErrRequest},
		"header with a tab inside": {set("Mcp-Name", "x\ty"), httpsig.ErrRequest},
		"header that is no token":  {func(r *httpsig.Request) { r.Header["Mcp Name"] = []string{"x"} }, httpsig.ErrRequest},
		"Kelvin sign for k":        {func(r *httpsig.Request) { r.Header["Mcp-Param-\u212a"] = []string{"x"} }, httpsig.ErrRequest},
		"must cover more":          {func(r *httpsig.Request) { r.Cover = []string{"USER-agent"} }, httpsig.ErrCoverage},
	} {
		t.Run(name, func(t *testing.T) {
			r := request()
			signed := sign(t, r)
			tc.change(&r)
			if err := judge(r, signed); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// An empty query is another target than none.
func TestTheEmptyQueryIsSigned(t *testing.T) {
	with, without := request(), request()
	with.Target, without.Target = "/mcp?", "/mcp"
	for _, pair := range [][2]httpsig.Request{{with, without}, {without, with}} {
		h := sign(t, pair[0])
		if err := judge(pair[0], h); err != nil {
			t.Error(err)
		}
		if err := judge(pair[1], h); !errors.Is(err, httpsig.ErrSignature) {
			t.Errorf("the other: %v", err)
		}
	}
}

// What a proxy may do to a request leaves it the same one.
func TestWhatIsNotSignedMayChange(t *testing.T) {
	for name, change := range map[string]func(*httpsig.Request){
		"white space around": func(r *httpsig.Request) { r.Header.Set("Mcp-Name", " \tfiles__read_file\t ") },
		"name in lower case": func(r *httpsig.Request) {
			r.Header["mcp-name"] = r.Header["Mcp-Name"]
			delete(r.Header, "Mcp-Name")
		},
		"other headers": func(r *httpsig.Request) {
			r.Header.Del("Accept")
			r.Header["Via"] = []string{"1.1 a", "1.1 b"}
			r.Header.Set("X-Forwarded-For", "é")
		},
		"to cover what there is not": func(r *httpsig.Request) { r.Cover = []string{"X-Gemini-Key"} },
	} {
		t.Run(name, func(t *testing.T) {
			r := request()
			h := sign(t, r)
			change(&r)
			if err := judge(r, h); err != nil {
				t.Error(err)
			}
		})
	}
}

// A header that the gateway has besides is covered when the signer knows of it.
func TestFurtherHeadersAreCovered(t *testing.T) {
	r := request()
	r.Header.Set("X-Gemini-Key", "g")
	r.Cover = []string{"X-Gemini-Key"}
	h := sign(t, r)
	if err := judge(r, h); err != nil {
		t.Error(err)
	}
	r.Cover = nil // a signature may cover more than it must
	if err := judge(r, h); err != nil {
		t.Error(err)
	}
	r.Header.Set("X-Gemini-Key", "h")
	if err := judge(r, h); !errors.Is(err, httpsig.ErrSignature) {
		t.Errorf("with another key: %v", err)
	}
}

func TestAnotherSecretIsRefused(t *testing.T) {
	r := request()
	in, err := httpsig.Parse(sign(t, r))
	if err != nil {
		t.Fatal(err)
	}
	other := httpsig.Secret(keyText + "x")
	for name, secret := range map[string][]byte{
		"other": other[:], "none": nil, "empty": {}, "zero": make([]byte, 32), "short": other[:16], "key text": []byte(keyText),
	} {
		if err := in.Verify(secret, r); !errors.Is(err, httpsig.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := new(httpsig.Input).Verify(other[:], r); err == nil {
		t.Error("an empty signature passed")
	}
}

func TestSignRefuses(t *testing.T) {
	for name, change := range map[string]func(*httpsig.Request, *httpsig.Key, *httpsig.Params){
		"no secret":       func(_ *httpsig.Request, k *httpsig.Key, _ *httpsig.Params) { k.Secret = [32]byte{} },
		"no key id":       func(_ *httpsig.Request, k *httpsig.Key, _ *httpsig.Params) { k.ID = "" },
		"quote in key id": func(_ *httpsig.Request, k *httpsig.Key, _ *httpsig.Params) { k.ID = `k";x="` },
		"no time":         func(_ *httpsig.Request, _ *httpsig.Key, p *httpsig.Params) { p.Created = time.Time{} },
		"time zero":       func(_ *httpsig.Request, _ *httpsig.Key, p *httpsig.Params) { p.Created = time.Unix(0, 0) },
		"no nonce":        func(_ *httpsig.Request, _ *httpsig.Key, p *httpsig.Params) { p.Nonce = "" },
		"no digest":       func(_ *httpsig.Request, _ *httpsig.Key, p *httpsig.Params) { p.Digest = [32]byte{} },
		"bad label":       func(_ *httpsig.Request, _ *httpsig.Key, p *httpsig.Params) { p.Label = "Sig" },
		"bad base":        func(r *httpsig.Request, _ *httpsig.Key, _ *httpsig.Params) { r.Base = "mcp.example.com" },
		"two lines":       func(r *httpsig.Request, _ *httpsig.Key, _ *httpsig.Params) { r.Header.Add("Mcp-Name", "x") },
		"bad name":        func(r *httpsig.Request, _ *httpsig.Key, _ *httpsig.Params) { r.Header["Mcp Name"] = []string{"x"} },
	} {
		t.Run(name, func(t *testing.T) {
			r, k, p := request(), key(), params()
			change(&r, &k, &p)
			if h, err := httpsig.Sign(r, k, p); err == nil || h != nil {
				t.Errorf("signed: %v", h)
			}
		})
	}
}

func TestBaseOf(t *testing.T) {
	for in, want := range map[string]string{
		"https://mcp.example.com/mcp?x#y": "https://mcp.example.com",
		"HTTPS://MCP.Example.COM:443":     "https://mcp.example.com",
		"http://localhost:80/":            "http://localhost",
		"http://localhost:443/":           "http://localhost:443",
		"https://localhost:80/":           "https://localhost:80",
		"http://[::1]:8080/mcp":           "http://[::1]:8080",
		"https://host:/":                  "https://host",
		"ws://host/":                      "",
		"https://user@host/":              "",
		"https:///mcp":                    "",
		"mcp.example.com":                 "",
		"https://bücher.example/":         "",
		"https://[fe80::1%25eth0]/":       "",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := httpsig.BaseOf(u); got != want || (err == nil) != (want != "") {
			t.Errorf("BaseOf(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}
