package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkProtocol says which versions the server speaks, and whether a client of
// either era would be served.
func checkProtocol(ctx context.Context, e *exam) []Finding {
	a := e.contact.best()
	if a == nil || a.err != nil || !a.mcp() || a.status == 401 || a.status == 403 {
		return skip("protocol", notAdmitted)
	}
	if code := a.message.code(); code == "profile.unknown" || strings.HasPrefix(code, "upstream.") {
		return skip("protocol", "Doorward answers "+e.quote(a.message.said()))
	}
	old, current := e.speaks(stateful), e.speaks(stateless)
	if old {
		e.send(ctx, e.initialized()) // what it answers matters to no check
	}
	spoken := e.quote(strings.Join(e.contact.named(), ", "))
	f := Finding{ID: "protocol", Status: Problem, Why: "a client that speaks no other version is not served"}
	switch {
	case old && current:
		return fine("protocol", fmt.Sprintf("clients of %s and of %s are served", stateful, stateless))
	case !old && !current:
		f.Cause, f.Seen = "none", "neither a client of "+string(stateful)+" nor one of "+string(stateless)+" is served"
		if spoken != "" {
			f.Seen += "; the server names " + spoken
		} else if a.message.ok() {
			f.Seen += "; the server lets it in and names no version"
		}
		f.Seen += said(e, "initialize", e.contact.initialize) + said(e, "server/discover", e.contact.discover)
		f.Fix = "update the client or the server; a server of older versions behind Doorward is served in both"
		if a.doorward() {
			f.Fix = "look at upstream.down, trust.held and gateway.ready below"
		}
		return []Finding{f}
	case !a.doorward():
		only := stateful
		if current {
			only = stateless
		}
		return fine("protocol", fmt.Sprintf("clients of %s are served, and no others (the server names %s)", only, spoken))
	case old:
		f.Cause, f.Seen = "stateful_only", fmt.Sprintf("clients of %s are served; those of %s are led to %s", stateful, stateless, spoken)
		f.Fix = "let the client use " + string(stateful) + ", as most do by themselves; the log names the upstreams that lack " + string(stateless)
	default:
		f.Cause, f.Seen = "stateless_only", fmt.Sprintf("clients of %s are served; those of %s are not", stateless, stateful)
		f.Fix = "let the client use " + string(stateless) + "; the log names the upstreams that lack the older versions"
	}
	f.Seen += said(e, "initialize", e.contact.initialize) + said(e, "server/discover", e.contact.discover)
	return []Finding{f}
}

// said is what a refusal of one of the questions says.
func said(e *exam, what string, a *answer) string {
	if a == nil || a.message.said() == "" {
		return ""
	}
	return fmt.Sprintf("; to %s it says %s", what, e.quote(a.message.said()))
}

// named are the versions that the server has named, and which of them are none.
func (c contact) named() []string {
	all := c.versions()
	for i, v := range all {
		if !slices.Contains(revisions(stateful), v) && !slices.Contains(revisions(stateless), v) {
			all[i] = strconv.Quote(v) + " (no revision that is known)"
		}
	}
	return all
}

// versions are those that the server has named, each once.
func (c contact) versions() []string {
	var all []string
	seen := map[string]bool{}
	for _, a := range []*answer{c.discover, c.initialize} {
		if a == nil {
			continue
		}
		for _, v := range a.message.versions() {
			if !seen[v] {
				seen[v], all = true, append(all, v)
			}
		}
	}
	return all
}
