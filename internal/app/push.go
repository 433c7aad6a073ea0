package app

import (
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

// unsolicited walks a message that an upstream sent outside any call along the
// reply half of the line, to the stream of the session that it belongs to.
func (a *App) unsolicited(session *gate.Session, up string, m *gate.Message) {
	now, snap := time.Now(), a.current.Load()
	ex := &gate.Exchange{
		ID: listen.NewExchangeID(now), Start: now,
		Inbound:   gate.Inbound{Transport: "upstream", Profile: session.Profile},
		Principal: session.Principal,
		Target:    gate.Target{Upstream: up, Weaker: snap.weaker[up]},
	}
	ex.Call = gate.Call{Message: m, Era: gate.Stateful, Version: session.Version, Session: session}
	if code, err := (suspended{&a.shared}).call(&concern{who: session.Principal, session: session.ID, upstream: up}); err != nil || code != gate.CodeUnset {
		return
	}
	if !snap.policy.Serves(session.Principal, up) && !strings.HasSuffix(m.Method, "/list_changed") {
		return // it was for the tenant when the session came to it; that it is not is told
	}
	if uri, ok := mcp.UpdatedResource(m); ok && !snap.policy.Decide(session.Principal, gate.Resource, up, uri).Allowed {
		return // the subscription was judged when it was made, and the policy is another now
	}
	snap.line.Push(a.ctx, ex, m, a.front.Unasked())
}

// open tells whether a client's session has not ended.
func (a *App) open(session *gate.Session) bool { return a.front.Has(session.ID) }

// servesTenant tells whether an upstream is for somebody's tenant, as it is configured now.
func (a *App) servesTenant(who *gate.Principal, upstream string) bool {
	return a.current.Load().policy.Serves(who, upstream)
}

// mayRead tells whether a client may hear of changes to a resource: the same
// decision that guards reading it.
func (a *App) mayRead(ex *gate.Exchange, upstream, uri string) bool {
	return a.current.Load().policy.Decide(ex.Principal, gate.Resource, upstream, uri).Allowed
}
