package doctor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// checkURL tells whether MCP is spoken at the URL, and if it is not, how it
// would be. Where it is spoken at /mcp instead, the checks after it go on there.
func checkURL(ctx context.Context, e *exam) []Finding {
	if !e.reached.IsValid() {
		return skip("url.path", unreached)
	}
	if right := e.wrongScheme(ctx); right != "" {
		return []Finding{e.otherScheme(right)}
	}
	a := e.contact.best()
	switch {
	case a == nil || a.err != nil || a.status >= http.StatusInternalServerError:
		return skip("url.path", "nothing answered that could tell")
	case redirects(a):
		return []Finding{e.redirected(a)}
	case a.message.code() == "profile.unknown":
		return []Finding{{
			ID: "url.path", Status: Problem, Cause: "profile",
			Seen: "Doorward has no profile " + path.Base(e.target.Path),
			Why:  "everything at this URL is answered with 404",
			Fix:  "use " + e.at(endpoint).String() + ", or a name that is written under profiles",
		}}
	case a.mcp():
		return fine("url.path", "MCP is spoken at "+shownURL(e.target))
	case a.status == http.StatusUnauthorized:
		return fine("url.path", shownURL(e.target)+" asks who is there")
	case a.status == http.StatusForbidden:
		return skip("url.path", "the server turns this client away (HTTP 403) before anything can be told")
	}
	return []Finding{e.misplaced(ctx, a)}
}

// wrongScheme is the scheme that the port speaks when it is not the URL's.
func (e *exam) wrongScheme(ctx context.Context) string {
	if e.target.Scheme == "https" {
		if e.tls != nil && speaksPlainHTTP(e.tls) {
			return "http"
		}
		return ""
	}
	a := e.contact.best()
	if a == nil || a.err == nil && (a.status != http.StatusBadRequest || a.message.present()) {
		return ""
	}
	// A TLS port answers HTTP with 400, with an alert, or not at all.
	if _, err := e.handshake(ctx); speaksTLS(err) {
		return "https"
	}
	return ""
}

func (e *exam) otherScheme(right string) Finding {
	u := *e.target
	u.Scheme = right
	f := Finding{
		ID: "url.transport", Status: Problem, Cause: "tls_expected",
		Seen: fmt.Sprintf("port %d speaks TLS, and the URL says http", e.port()),
		Why:  "the server does not understand what clients send",
		Fix:  "give clients " + shownURL(&u),
	}
	if right == "http" {
		f.Cause, f.Seen = "plain_expected", fmt.Sprintf("port %d speaks plain HTTP, and the URL says https", e.port())
		f.Fix += ", or let the server speak TLS: listen: {tls: {cert: FILE, key: FILE}}"
	}
	return f
}

func (e *exam) redirected(a *answer) Finding {
	to := a.header.Get("Location")
	if u, err := e.target.Parse(to); err == nil {
		to = shownURL(u)
	}
	return Finding{
		ID: "url.path", Status: Problem, Cause: "redirect",
		Seen: fmt.Sprintf("the server sends clients elsewhere (HTTP %d): %s", a.status, e.quote(to)),
		Why:  "many clients do not repeat a POST, or its credential, after a redirect",
		Fix:  "give clients the URL of MCP itself: the one it leads to, if that is your gateway's",
	}
}

// misplaced looks for MCP elsewhere on the server.
func (e *exam) misplaced(ctx context.Context, a *answer) Finding {
	asked := *e.target
	get := e.send(ctx, request{method: http.MethodGet, era: noEra, accept: "text/event-stream"})
	old := get.err == nil && get.status == http.StatusOK && get.eventStream() && len(get.body) > 0 && !bytes.HasPrefix(get.body, []byte("{"))
	sse := strings.HasPrefix(asked.Path+"/", "/sse/")
	if sse && a.doorward() && get.status == http.StatusUnauthorized {
		old = true
	}
	better := e.tryEndpoint(ctx, asked.Path)
	f := Finding{ID: "url.transport", Status: Problem, Why: "clients of Streamable HTTP POST to one URL; this one belongs to the transport that was replaced in 2025-03-26"}
	switch {
	case old:
		f.Cause, f.Seen = "legacy_sse", shownURL(&asked)+" is an endpoint of the old HTTP+SSE transport"
		f.Fix = "set the client's transport to sse for this URL"
		if better {
			f.Fix = "give clients " + shownURL(e.target) + "; for one that speaks only the old transport, set its transport to sse"
		}
		return f
	case sse && a.doorward():
		f.Cause, f.Seen = "sse_off", "the old HTTP+SSE transport is off at this Doorward"
		f.Fix = "give clients " + e.at(endpoint).String() + "; for one that speaks only the old transport: listen: {legacy_sse: true}"
		return f
	}
	f.ID, f.Cause = "url.path", "no_mcp"
	f.Seen = fmt.Sprintf("no MCP at %s: HTTP %d%s", shownURL(&asked), a.status, e.kind(a))
	f.Why = "every message to this URL is lost"
	f.Fix = "find the URL of MCP in the server's documentation"
	switch {
	case better:
		f.Cause = "wrong_path"
		f.Seen += ", but at " + shownURL(e.target)
		f.Fix = "give clients " + shownURL(e.target)
	case e.target.Path != endpoint:
		f.Seen += ", nor at " + e.at(endpoint).String()
	}
	if said := e.quote(a.message.said()); said != "" {
		f.Seen += "; the server says " + said
	}
	return f
}

// kind says what came in the place of MCP.
func (e *exam) kind(a *answer) string {
	if t := a.header.Get("Content-Type"); t != "" {
		return ", " + e.quote(t)
	}
	return ""
}

// tryEndpoint moves the target to /mcp when MCP is spoken there.
func (e *exam) tryEndpoint(ctx context.Context, asked string) bool {
	to := endpoint
	if name, found := strings.CutPrefix(asked, "/sse/"); found {
		to += "/" + name
	}
	if asked == to {
		return false
	}
	was := e.target
	e.target = e.at(to)
	c := e.meet(ctx)
	if a := c.best(); !a.mcp() && a.status != http.StatusUnauthorized {
		e.target = was
		return false
	}
	e.contact = c
	return true
}

// sameOrigin tells whether a URL is on the target's scheme, host and port.
func (e *exam) sameOrigin(u *url.URL) bool {
	return u.Scheme == e.target.Scheme && strings.EqualFold(u.Host, e.target.Host)
}
