package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// stands tells that nobody has said anything about an approval, and that its call
// has not run.
func (c *court) stands(id string) {
	c.t.Helper()
	a, err := c.App.ShowApproval(c.t.Context(), id)
	if err != nil || a.State != "waiting" || len(a.Grants) != 0 || a.Denial != nil || c.up.Count("tools/call") != 0 {
		c.t.Errorf("the approval is %+v (%v), and %d calls ran", a, err, c.up.Count("tools/call"))
	}
}

// POL-56 over HTTP: who may not decide does not, cannot tell why, and is on record.
func TestPOL56DecidersOverHTTP(t *testing.T) {
	t.Parallel()
	inCourts(t, "", func(t *testing.T, c *court) {
		id := c.held("up__delete_all", `{"secret":"CANARY-in-the-arguments"}`)
		c.Hide("CANARY-in-the-arguments")
		unknown := "apr_" + strings.Repeat("0", 26)
		for name, tc := range map[string]struct {
			who, method, path, body string
			header                  []string
			status                  int
			code                    string
		}{
			"POL-56 the caller itself, a lead too":   {who: "alice", method: "POST", path: "/" + id, body: grant, status: 404, code: "approval.unknown"},
			"POL-56 the caller itself, looking":      {who: "alice", method: "GET", path: "/" + id, status: 404, code: "approval.unknown"},
			"POL-56 another role":                    {who: "chief-1", method: "POST", path: "/" + id, body: grant, status: 404, code: "approval.unknown"},
			"POL-56 no role of the rule, denying":    {who: "bob", method: "POST", path: "/" + id, body: deny, status: 404, code: "approval.unknown"},
			"WEB-10 another role, looking":           {who: "chief-1", method: "GET", path: "/" + id, status: 404, code: "approval.unknown"},
			"WEB-10 no such id":                      {who: "lead-1", method: "POST", path: "/" + unknown, body: grant, status: 404, code: "approval.unknown"},
			"WEB-10 no such id, looking":             {who: "lead-1", method: "GET", path: "/" + unknown, status: 404, code: "approval.unknown"},
			"an id that is none":                     {who: "lead-1", method: "POST", path: "/../secret", body: grant, status: 404, code: "http.path"},
			"an id that is too long":                 {who: "lead-1", method: "GET", path: "/" + strings.Repeat("a", 65), status: 404, code: "http.path"},
			"no id":                                  {who: "lead-1", method: "GET", path: "/", status: 404, code: "http.path"},
			"an id in upper case":                    {who: "lead-1", method: "GET", path: "/" + strings.ToUpper(id), status: 404, code: "http.path"},
			"no key, listing":                        {method: "GET", status: 401, code: "identity.missing"},
			"no key, looking":                        {method: "GET", path: "/" + id, status: 401, code: "identity.missing"},
			"no key, deciding":                       {method: "POST", path: "/" + id, body: grant, status: 401, code: "identity.missing"},
			"AUT-18 a key in the query":              {method: "POST", path: "/" + id + "?token=" + "dw_x", body: grant, status: 401, code: "identity.missing"},
			"the id as a key":                        {method: "POST", path: "/" + id, body: grant, header: []string{"Authorization", "Bearer " + id}, status: 401, code: "identity.invalid"},
			"a key that is none":                     {method: "POST", path: "/" + id, body: grant, header: []string{"Authorization", "Bearer dw_AAAAAAAAAAAAAAAA"}, status: 401, code: "identity.invalid"},
			"WEB-04 a page":                          {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"Origin", "https://evil.example"}, status: 403, code: "http.origin"},
			"WEB-04 a page of the gateway's own":     {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"Origin", "http://" + c.Address()}, status: 403, code: "http.origin"},
			"WEB-04 the page null":                   {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"Origin", "null"}, status: 403, code: "http.origin"},
			"WEB-04 a page, listing":                 {who: "lead-1", method: "GET", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, code: "http.origin"},
			"WEB-04 a preflight":                     {method: "OPTIONS", path: "/" + id, header: []string{"Origin", "http://" + c.Address(), "Access-Control-Request-Method", "POST"}, status: 403, code: "http.origin"},
			"HTT-12 another host":                    {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"X-Host", "evil.example"}, status: 403, code: "http.host"},
			"WEB-04 GET does not decide":             {who: "lead-1", method: "GET", path: "/" + id + "?decision=grant", body: grant, status: 200},
			"WEB-04 another method":                  {who: "lead-1", method: "PUT", path: "/" + id, body: grant, status: 405, code: "http.method"},
			"WEB-04 an override":                     {who: "lead-1", method: "GET", path: "/" + id, header: []string{"X-Http-Method-Override", "POST"}, status: 200},
			"POST to the list":                       {who: "lead-1", method: "POST", body: grant, status: 405, code: "http.method"},
			"WEB-04 text/plain":                      {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"Content-Type", "text/plain"}, status: 415, code: "http.content_type"},
			"a form":                                 {who: "lead-1", method: "POST", path: "/" + id, body: "decision=grant", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "http.content_type"},
			"compressed":                             {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"Content-Encoding", "gzip"}, status: 415, code: "http.content_encoding"},
			"HTT-08 too large":                       {who: "lead-1", method: "POST", path: "/" + id, body: `{"decision":"grant"` + strings.Repeat(" ", 4096) + `}`, status: 413, code: "message.too_large"},
			"no body":                                {who: "lead-1", method: "POST", path: "/" + id, status: 400, code: "message.invalid"},
			"WEB-11 a key more":                      {who: "lead-1", method: "POST", path: "/" + id, body: `{"decision":"grant","role":"lead"}`, status: 400, code: "message.invalid"},
			"WEB-11 a key twice":                     {who: "lead-1", method: "POST", path: "/" + id, body: `{"decision":"deny","decision":"grant"}`, status: 400, code: "message.invalid"},
			"WEB-11 a key in another case":           {who: "lead-1", method: "POST", path: "/" + id, body: `{"Decision":"grant"}`, status: 400, code: "message.invalid"},
			"another word":                           {who: "lead-1", method: "POST", path: "/" + id, body: `{"decision":"Grant"}`, status: 400, code: "message.invalid"},
			"no decision":                            {who: "lead-1", method: "POST", path: "/" + id, body: `{}`, status: 400, code: "message.invalid"},
			"null":                                   {who: "lead-1", method: "POST", path: "/" + id, body: `{"decision":null}`, status: 400, code: "message.invalid"},
			"true":                                   {who: "lead-1", method: "POST", path: "/" + id, body: `{"decision":true}`, status: 400, code: "message.invalid"},
			"two values":                             {who: "lead-1", method: "POST", path: "/" + id, body: grant + grant, status: 400, code: "message.invalid"},
			"a list":                                 {who: "lead-1", method: "POST", path: "/" + id, body: "[" + grant + "]", status: 400, code: "message.invalid"},
			"another's key beside the certificate's": {who: "lead-1", method: "POST", path: "/" + id, body: grant, header: []string{"Signature", "sig1=:AAAA:"}, status: 401, code: "identity.invalid"},
		} {
			before := len(c.Records(audit.Query{}))
			s := c.askHost(tc.who, tc.method, tc.path, tc.body, tc.header...)
			if s.status != tc.status || s.code != tc.code {
				t.Errorf("%s: got %s, want %d %s", name, s, tc.status, tc.code)
			}
			if strings.Contains(string(s.body), "CANARY") != (tc.status == 200) {
				t.Errorf("%s: the answer shows the arguments, or not: %s", name, s)
			}
			if h := s.header.Get("Access-Control-Allow-Origin"); h != "" {
				t.Errorf("%s: it is shared with %s", name, h)
			}
			if s.status == 401 && s.header.Get("Www-Authenticate") == "" || s.status == 405 && s.header.Get("Allow") == "" {
				t.Errorf("%s: the header %v", name, s.header)
			}
			if n := len(c.Records(audit.Query{})) - before; n < 1 {
				t.Errorf("%s: nothing is on record", name)
			}
			if r := c.Records(audit.Query{Exchange: s.exchange}); len(r) != 1 || tc.code != "" && (!strings.Contains(r[0].Detail, tc.code) || r[0].Status != "refused") {
				t.Errorf("%s: on record under its exchange: %+v", name, r)
			}
		}
		c.stands(id)
	})
}

// askHost is ask with a Host of the test's own.
func (c *court) askHost(who, method, path, body string, header ...string) *ruling {
	c.t.Helper()
	if len(header) == 2 && header[0] == "X-Host" {
		r := c.Raw([]byte(method + " /approvals" + path + " HTTP/1.1\r\nHost: " + header[1] + "\r\nAuthorization: Bearer " + c.keys[who] +
			"\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\nConnection: close\r\n\r\n" + body))
		return &ruling{status: r.Status, header: r.Header, body: r.Body, code: r.Refusal, exchange: r.Exchange}
	}
	return c.ask(who, method, path, body, header...)
}

// What is not theirs and what is not there read alike, but for the exchange.
func TestWEB10AnAnswerToNobody(t *testing.T) {
	t.Parallel()
	c := newCourt(t, modern, "")
	id := c.held("up__delete_all", `{}`)
	for _, method := range []string{"GET", "POST"} {
		theirs, none := c.ask("chief-1", method, "/"+id, grant), c.ask("chief-1", method, "/apr_"+strings.Repeat("7", 26), grant)
		a, b := strings.ReplaceAll(string(theirs.body), theirs.exchange, "X"), strings.ReplaceAll(string(none.body), none.exchange, "X")
		if a != b || theirs.status != none.status || len(theirs.header) != len(none.header) {
			t.Errorf("%s: %s and %s", method, theirs, none)
		}
	}
}

// A list has what its reader may decide about and nothing else.
func TestAListHidesOthers(t *testing.T) {
	t.Parallel()
	c := newCourt(t, modern, "")
	deletion, move := c.held("up__delete_all", `{}`), c.held("up__move", `{}`)
	for who, want := range map[string][]string{"lead-1": {deletion}, "chief-1": {move}, "alice": nil, "bob": nil} {
		s := c.ask(who, "GET", "", "")
		var got []string
		for _, a := range s.Approvals {
			got = append(got, fmt.Sprint(a["id"]))
		}
		if s.status != 200 || fmt.Sprint(got) != fmt.Sprint(want) || !strings.HasPrefix(string(s.body), `{"approvals":[`) {
			t.Errorf("%s sees %v, want %v", who, s, want)
		}
	}
}

// A key that was revoked, or has expired, decides nothing any more.
func TestRevokedAndExpiredDeciders(t *testing.T) {
	t.Parallel()
	c := newCourt(t, modern, "")
	id := c.held("up__move", `{}`)
	c.keys["short"] = c.ShortKey("short", "chief")
	c.Revoke("chief-1")
	for _, who := range []string{"short", "chief-1"} {
		if s := c.ask(who, "POST", "/"+id, grant); s.status != 401 || s.code != "identity.invalid" {
			t.Errorf("%s: %s", who, s)
		}
	}
	c.stands(id)
}

// Whom the configuration lets in without a credential is nobody, whatever the role.
func TestGuestsDecideNothing(t *testing.T) {
	t.Parallel()
	c := newCourt(t, modern, courtGuests)
	id := c.held("up__delete_all", `{}`)
	for _, s := range []*ruling{c.ask("", "POST", "/"+id, grant), c.ask("", "GET", "/"+id, ""), c.ask("", "GET", "", "")} {
		if s.status != 401 || s.code != "identity.missing" || s.header.Get("Www-Authenticate") == "" {
			t.Errorf("a guest: %s", s)
		}
	}
	c.stands(id)
}

// A role that is not in the configuration any more gives nothing, and where no rule
// holds calls nothing is there.
func TestRolesAndPathsAreThoseOfNow(t *testing.T) {
	t.Parallel()
	c := newCourt(t, modern, "")
	id := c.held("up__move", `{}`)
	c.rewrite(t, func(s string) string { return strings.Replace(s, "  chief: {}\n", "", 1) }, `{roles: [chief]}`, `{roles: [lead]}`)
	if s := c.ask("chief-1", "POST", "/"+id, grant); s.status != 404 || s.code != "approval.unknown" {
		t.Errorf("a role that is gone: %s", s)
	}
	c.rewrite(t, func(s string) string {
		s = strings.ReplaceAll(s, ", mode: approve, approvers: {roles: [lead], count: 2, expires: 15m}", "")
		return strings.ReplaceAll(s, ", mode: approve, approvers: {roles: [lead]}", "")
	})
	for _, path := range []string{"", "/" + id} {
		if s := c.ask("lead-1", "GET", path, ""); s.status != 404 || s.code != "http.path" {
			t.Errorf("without a rule that holds: %s", s)
		}
	}
}

// rewrite changes the configuration and reloads it.
func (c *court) rewrite(t *testing.T, change func(string) string, pairs ...string) {
	t.Helper()
	path := filepath.Join(c.Dir, "doorward.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(change(string(text)))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
}

// tenantRules give callers and leads of every tenant their roles by group.
const tenantRules = `
upstreams: {up: {url: "${up}"}}
roles:
  caller: {groups: [callers], allow: [{tools: [up/move], mode: approve, approvers: {roles: [lead]}}]}
  lead: {groups: [leads]}
`

// TEN-01: a lead of another tenant, or of none, sees and decides nothing.
func TestTEN01DecidersOfAnotherTenant(t *testing.T) {
	t.Parallel()
	idp := gatetest.Provider(t)
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("move")})
	c := &court{t: t, up: up, keys: map[string]string{}, http: http.DefaultClient}
	c.GW = gatetest.Gateway(t, fmt.Sprintf("identity: {issuers: [{issuer: %q, claims: {tenant: tenant, groups: groups}}]}\n", idp.URL())+tenantRules, map[string]*gatetest.UP{"up": up})
	idp.For(c.GW)
	c.Approve("")
	token := func(sub, tenant, group string) string {
		return idp.Token(claims{"sub": sub, "tenant": tenant, "groups": []string{group}, "aud": c.URL()})
	}
	c.alice = c.Client("alice", token("alice", "acme", "callers")).Open(modern)
	id := c.held("up__move", `{}`)
	c.keys["other"], c.keys["same"], c.keys["self"] = token("lead", "globex", "leads"), token("lead", "acme", "leads"), token("alice", "acme", "leads")
	for _, who := range []string{"other", "self"} {
		if s := c.ask(who, "POST", "/"+id, grant); s.status != 404 || s.code != "approval.unknown" {
			t.Errorf("%s: %s", who, s)
		}
		if s := c.ask(who, "GET", "", ""); len(s.Approvals) != 0 {
			t.Errorf("%s sees %s", who, s)
		}
	}
	c.stands(id)
	if s := c.ask("same", "POST", "/"+id, grant); s.status != 200 || s.State != "granted" {
		t.Errorf("a lead of the tenant: %s", s)
	}
}
