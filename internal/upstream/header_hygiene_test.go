package upstream_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// What the headers of a request to an upstream are made of. Host is none of them
// for net/http. The table in docs/reference/protocol.md, "What an upstream gets",
// says the same.
var (
	everyRequest = []string{"User-Agent"}
	aBody        = []string{"Content-Length", "Content-Type"}
	anAnswer     = []string{"Accept"}
	aSession     = []string{"Mcp-Protocol-Version", "Mcp-Session-Id"}
	aVersion     = []string{"Mcp-Protocol-Version"}
	aMethod      = []string{"Mcp-Method"}
	aName        = []string{"Mcp-Name"}
	aParam       = []string{"Mcp-Param-Region"} // of the client: intermediaries must forward them (2026-07-28, transports)
	aSocket      = []string{"Connection", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version", "Upgrade"}
	aProof       = []string{"X-Api-Key"}
)

// spoofed are headers by which other gateways, and the frameworks behind them, take
// a client's word (security cases AUT-19 and AUT-59).
var spoofed = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Www-Authenticate", "X-Api-Key", "X-Gemini-Key", "X-Upstream-Authorization",
	"X-Forwarded-User", "X_Forwarded_User", "x-forwarded-user", "X-FORWARDED_USER", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
	"X-Remote-User", "Remote-User", "REMOTE_USER", "X-Auth-Request-Email", "X-Auth-Request-User", "X-Tenant", "X-Tenant-Id", "X-User", "X-Roles", "X-Scope-Orgid",
	"X-Forwarded-Client-Cert", "X-Client-Cert", "X-Ssl-Client-Verify", "X-Amzn-Oidc-Data", "Cf-Access-Jwt-Assertion", "X-Goog-Iap-Jwt-Assertion", "X-Ms-Client-Principal",
	"router-key", "mcp-init-host", "X-Mcp-Authorized", "X-Grafana-Url", "X-Grafana-Api-Key", "Sw-Url", "X-Atlassian-Jira-Url", "X-Atlassian-Confluence-Url", "X-Atlassian-Jira-Personal-Token",
	"Forwarded", "Via", "Host", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-Ip", "True-Client-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override",
	"Traceparent", "Tracestate", "Baggage", "X-Request-Id", "Origin", "Referer", "Accept-Encoding", "Accept-Language", "User-Agent", "Accept", "Content-Type", "Content-Encoding", "Expect", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Connection", "Keep-Alive",
	"Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", "Last-Event-Id", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Fetch-Site", "Signature", "Signature-Input", "Dpop", "Priority",
}

// inSource are the texts in Doorward's own source that read like the name of a
// header.
func inSource(t *testing.T) (names []string) {
	t.Helper()
	header := regexp.MustCompile(`"([A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)+)"`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range header.FindAllStringSubmatch(string(raw), -1) {
			names = append(names, m[1])
		}
		return err
	})
	if err != nil || !slices.Contains(names, "Mcp-Session-Id") {
		t.Fatalf("%d names were found, error %v", len(names), err)
	}
	return names
}

// spoofing is the exchange of a client that sends every one of them.
func spoofing(ex *gate.Exchange, names []string) *gate.Exchange {
	h := http.Header{"Mcp-Param-Region": {"canary-param"}}
	for _, name := range names {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), "Mcp-Param-") {
			continue
		}
		h[name], h[http.CanonicalHeaderKey(name)] = []string{"canary-spoof"}, []string{"canary-spoof", "canary-spoof"}
	}
	ex.Inbound.Header = h
	return with(ex, "canary-key")
}

// kindOf is which row of the allowlist a request belongs to.
func (a *arrived) kind() string {
	switch a.method {
	case "":
		return a.verb
	case "initialize", "server/discover", "tools/call", "resources/read", "prompts/get":
		return a.method
	}
	return "message"
}

// AUT-19, AUT-59, A39: whatever a client sends, an upstream gets these headers and
// no other, with values of Doorward's own.
func TestAUT59_AnUpstreamGetsTheseHeadersAlone(t *testing.T) {
	t.Parallel()
	names := append(inSource(t), spoofed...)
	stateful := map[string][]string{
		"initialize": slices.Concat(everyRequest, anAnswer, aBody), "message": slices.Concat(everyRequest, anAnswer, aBody, aSession), "POST": slices.Concat(everyRequest, anAnswer, aBody, aSession),
		"GET": slices.Concat(everyRequest, anAnswer, aSession), "DELETE": slices.Concat(everyRequest, aSession),
		"tools/call": slices.Concat(everyRequest, anAnswer, aBody, aSession, aProof),
	}
	stateful["resources/read"], stateful["prompts/get"] = stateful["tools/call"], stateful["tools/call"]
	first := slices.Concat(everyRequest, anAnswer, aBody, aVersion, aMethod)
	stateless := map[string][]string{
		"server/discover": first, "message": first, "initialize": slices.Concat(everyRequest, anAnswer, aBody),
		"tools/call": slices.Concat(first, aName, aParam, aProof),
	}
	stateless["resources/read"], stateless["prompts/get"] = stateless["tools/call"], stateless["tools/call"]
	translated := maps.Clone(stateless) // the headers of a stateful client were held to no body
	translated["tools/call"] = slices.Concat(first, aName, aProof)
	translated["resources/read"], translated["prompts/get"] = translated["tools/call"], translated["tools/call"]
	sse := map[string][]string{
		"GET": slices.Concat(everyRequest, anAnswer), "initialize": slices.Concat(everyRequest, aBody), "message": slices.Concat(everyRequest, aBody), "POST": slices.Concat(everyRequest, aBody),
		"tools/call": slices.Concat(everyRequest, aBody, aProof),
	}
	sse["resources/read"], sse["prompts/get"] = sse["tools/call"], sse["tools/call"]
	rows := map[string]map[string][]string{
		"stateful": stateful, "stateless": stateless, "stateless client": withDiscover(stateful, first), "stateful client": translated,
		"sse": sse, "sse, stateless client": sse,
	}
	for _, link := range keyedLinks {
		t.Run(link.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{Handler: handlerOf(fullServer(t), link.transport, link.stateless)}
			p := httpPool(t, r, func(c *upstream.Config) { ownKeys(c); c.Upstreams[0].Transport = link.transport })
			session := newSession("a")
			for _, step := range [][2]string{
				{"tools/list", ``},
				{"tools/call", `"name":"say","arguments":{}`},
				{"resources/read", `"uri":"a://b"`},
				{"prompts/get", `"name":"p"`},
			} {
				ex := exchange(t, session, "up", message(false, step[0], step[1]))
				if link.modern {
					ex = exchange(t, nil, "up", message(true, step[0], step[1]))
				}
				ex = spoofing(ex, names)
				if _, _, err := p.Items(t.Context(), ex, "up", gate.Tool); err != nil {
					t.Fatal(err)
				}
				if _, err := forward(t, p, ex); err != nil {
					t.Fatalf("%s: %v", step[0], err)
				}
			}
			p.CloseSession(session)
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantHeaders(t, r.since(0), rows[link.name])
		})
	}
	t.Run("websocket", func(t *testing.T) {
		t.Parallel()
		s := &oldServer{transport: overWS}
		p := s.pool(t, nil)
		if _, err := forward(t, p, spoofing(exchange(t, newSession("a"), "up", call("echo", `{}`)), names)); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		wantHeaders(t, []arrived{{"GET", "", "", s.headers[0]}}, map[string][]string{"GET": slices.Concat(everyRequest, aSocket)})
	})
}

func withDiscover(rows map[string][]string, first []string) map[string][]string {
	rows = maps.Clone(rows)
	rows["server/discover"] = first
	return rows
}

func wantHeaders(t *testing.T, all []arrived, rows map[string][]string) {
	t.Helper()
	calls := 0
	for _, a := range all {
		if a.kind() == "tools/call" {
			calls++
		}
		want := slices.Sorted(slices.Values(rows[a.kind()]))
		if got := slices.Sorted(maps.Keys(a.header)); !slices.Equal(got, want) {
			t.Errorf("%s %s got %q, want %q", a.verb, a.method, got, want)
		}
		for name, values := range a.header {
			text := strings.Join(values, "\n")
			own := name == "X-Api-Key" && text == "Key canary-key" || name == "Mcp-Param-Region" && text == "canary-param"
			if len(values) != 1 || strings.Contains(text, "canary") && !own {
				t.Errorf("%s %s got %s: %q", a.verb, a.method, name, values)
			}
		}
		if strings.Contains(a.raw, "canary") {
			t.Errorf("%s %s got %s", a.verb, a.method, a.raw)
		}
	}
	if calls == 0 && len(rows) > 1 {
		t.Error("no call arrived")
	}
}

// The reference names these headers and no other.
func TestAUT59_TheReferenceHasTheTable(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/reference/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "\n## What an upstream gets\n")
	section, _, _ = strings.Cut(section, "\n## ")
	said := map[string]bool{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([A-Z][A-Za-z]*(?:-[A-Za-z]+)*)(?:-\\*)?`").FindAllStringSubmatch(cells[1], -1) {
			said[http.CanonicalHeaderKey(m[1])] = true
		}
	}
	want := map[string]bool{"Host": true, "Last-Event-Id": true, "Mcp-Param": true}
	for _, name := range slices.Concat(everyRequest, aBody, anAnswer, aSession, aMethod, aName, aSocket) {
		want[name] = true
	}
	if !maps.Equal(said, want) {
		t.Errorf("the reference has %q, want %q", slices.Sorted(maps.Keys(said)), slices.Sorted(maps.Keys(want)))
	}
}

// AUT-60: an upstream that does not take what it is shown is asked once, and is
// never shown what the client came with.
func TestAUT60_NothingIsRetriedAfter401(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*upstream.Config){
		"no credential": func(*upstream.Config) {},
		"a secret": func(c *upstream.Config) {
			c.Upstreams[0].Credential = upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Secret: "s"}
			c.Secret = func(string) (upstream.Secret, error) { return known("gateway"), nil }
		},
		"the client's own key": ownKeys,
	} {
		for _, link := range keyedLinks {
			t.Run(name+", "+link.name, func(t *testing.T) {
				t.Parallel()
				var tries atomic.Int32
				inner := handlerOf(fullServer(t), link.transport, link.stateless)
				r := &recorder{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					raw, _ := io.ReadAll(req.Body)
					req.Body = io.NopCloser(bytes.NewReader(raw))
					if bytes.Contains(raw, []byte(`"method":"tools/call"`)) {
						tries.Add(1)
						w.Header().Set("Www-Authenticate", `Bearer resource_metadata="http://127.0.0.1/"`)
						w.WriteHeader(http.StatusUnauthorized)
						fmt.Fprint(w, "unauthorized")
						return
					}
					inner.ServeHTTP(w, req)
				})}
				p := httpPool(t, r, func(c *upstream.Config) { change(c); c.Upstreams[0].Transport = link.transport })
				ex := exchange(t, newSession("a"), "up", call("say", `{}`))
				if link.modern {
					ex = exchange(t, nil, "up", modernCall("say", `{}`))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := p.Forward(ctx, spoofing(ex, spoofed), func(context.Context, *gate.Message) error { return nil })
				want := gate.CodeUpstreamDown
				if name == "the client's own key" {
					want = gate.CodeRequestKey
				}
				wantCode(t, err, want)
				if n := tries.Load(); n != 1 {
					t.Errorf("the call was made %d times", n)
				}
				for _, a := range r.since(0) {
					for header, values := range a.header {
						if text := strings.Join(values, "\n"); strings.Contains(text, "canary") && text != "Key canary-key" && text != "canary-param" {
							t.Errorf("%s %s got %s: %q", a.verb, a.method, header, values)
						}
					}
				}
			})
		}
	}
}
