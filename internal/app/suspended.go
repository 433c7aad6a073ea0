package app

import (
	"context"
	"net/netip"

	"doorward/internal/gate"
	"doorward/internal/identify"
	"doorward/internal/resolve"
	"doorward/internal/store"
)

// suspended tells the stages what the incidents of the state suspend. It does no I/O,
// takes no lock and allocates nothing.
type suspended struct{ *shared }

var (
	_ identify.Suspended = suspended{}
	_ resolve.Suspended  = suspended{}
)

// cannotTell is the refusal of a gateway that does not know what is suspended.
func cannotTell(err error) error {
	return &gate.Error{Code: gate.CodeContainedDown, Op: "asking what is suspended", Err: err}
}

func (s suspended) is(kind, realm, value string) (bool, error) {
	return s.subject(store.IncidentSubject{Kind: kind, Realm: realm, Value: value})
}

func (s suspended) subject(what store.IncidentSubject) (bool, error) {
	m := s.now.Load()
	if m == nil {
		return true, cannotTell(errNoMemory)
	}
	is, err := m.incidents.Contained(what)
	if err != nil {
		return true, cannotTell(err)
	}
	return is, nil
}

// Origin implements identify.Suspended.
func (s suspended) Origin(from netip.Addr) (gate.Code, error) {
	if is, err := s.is(store.OfEverything, "", ""); err != nil || is {
		return gate.CodeContained, err
	}
	is, err := s.now.Load().incidents.ContainedAddress(from)
	switch {
	case err != nil:
		return gate.CodeContainedAddress, cannotTell(err)
	case is:
		return gate.CodeContainedAddress, nil
	}
	return gate.CodeUnset, nil
}

// Caller implements identify.Suspended.
func (s suspended) Caller(who *gate.Principal) (gate.Code, error) {
	if is, err := s.subject(store.IncidentSubject{Kind: store.OfPrincipal, Realm: who.Realm, Tenant: who.Tenant, Value: who.Subject}); err != nil || is {
		return gate.CodeContainedPrincipal, err
	}
	if who.Realm == gate.RealmKeys {
		if is, err := s.is(store.OfKey, "", who.Credential); err != nil || is {
			return gate.CodeContainedKey, err
		}
	}
	if who.Tenant != "" {
		if is, err := s.is(store.OfTenant, "", who.Tenant); err != nil || is {
			return gate.CodeContainedTenant, err
		}
	}
	return gate.CodeUnset, nil
}

// callers is Caller of a principal and of whoever their credential is bound to.
func (s suspended) callers(who *gate.Principal) (gate.Code, error) {
	for p := who; p != nil; p = p.Bound {
		if code, err := s.Caller(p); err != nil || code != gate.CodeUnset {
			return code, err
		}
	}
	return gate.CodeUnset, nil
}

// Session tells whether the session with an id is suspended.
func (s suspended) Session(id string) (bool, error) {
	m := s.now.Load()
	if m == nil {
		return true, cannotTell(errNoMemory)
	}
	is, err := m.incidents.ContainedSession(id)
	if err != nil {
		return true, cannotTell(err)
	}
	return is, nil
}

// Upstreams implements resolve.Suspended.
func (s suspended) Upstreams(names []string) ([]string, error) {
	m := s.now.Load()
	if m == nil {
		return names, cannotTell(errNoMemory)
	}
	all, err := m.incidents.ContainedUpstreams(names)
	if err != nil {
		return names, cannotTell(err)
	}
	return all, nil
}

// Upstream tells whether an upstream is suspended.
func (s suspended) Upstream(name string) (bool, error) { return s.is(store.OfUpstream, "", name) }

// Tool implements resolve.Suspended.
func (s suspended) Tool(upstream, name string) (bool, error) {
	return s.is(store.OfTool, upstream, name)
}

// concern is what a call under way is about, for whoever would suspend it.
type concern struct {
	from           netip.Addr
	who            *gate.Principal
	session        string
	upstream, tool string
	upstreams      []string // of a stream that hears of several
}

func concernOf(ex *gate.Exchange) concern {
	c := concern{from: ex.Inbound.Remote, who: ex.Principal, upstream: ex.Target.Upstream}
	if s := ex.Call.Session; s != nil {
		c.session = s.ID
	}
	if it := ex.Target.Item; it != nil && (it.Kind == gate.Tool || it.Kind == gate.Prompt) {
		c.tool = it.Name
	}
	if ex.Call.Route.Action == gate.Listen {
		c.upstreams = ex.Target.Upstreams
	}
	return c
}

// call is why a call may not go on; empty: it may. An error is that it cannot be known.
func (s suspended) call(c *concern) (gate.Code, error) {
	if code, err := s.Origin(c.from); err != nil || code != gate.CodeUnset {
		return code, err
	}
	if code, err := s.callers(c.who); err != nil || code != gate.CodeUnset {
		return code, err
	}
	if c.upstream != "" {
		if is, err := s.Upstream(c.upstream); err != nil || is {
			return gate.CodeContainedUpstream, err
		}
	}
	for _, up := range c.upstreams {
		if is, err := s.Upstream(up); err != nil || is {
			return gate.CodeContainedUpstream, err
		}
	}
	if c.tool != "" {
		if is, err := s.Tool(c.upstream, c.tool); err != nil || is {
			return gate.CodeContainedTool, err
		}
	}
	if c.session != "" {
		if is, err := s.Session(c.session); err != nil || is {
			return gate.CodeContainedSession, err
		}
	}
	return gate.CodeUnset, nil
}

// ends is why what runs must end. What cannot be known ends nothing that was let
// through: it stops the next call.
func (s suspended) ends(c *concern) gate.Code {
	code, err := s.call(c)
	if err != nil {
		return gate.CodeUnset
	}
	return code
}

// enforce ends what runs of that which was suspended meanwhile, the calls and streams
// and then the sessions, and the sessions whose credential was revoked. It ends with ctx.
func (a *App) enforce(ctx context.Context) {
	m := a.shared.now.Load()
	if m == nil {
		return
	}
	s := suspended{&a.shared}
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.revoked.Changed():
			a.endRevoked()
			continue
		case <-m.incidents.Changed():
		}
		a.forgetAnswers()
		a.underway.end(s.ends)
		a.front.CloseThose(func(gs *gate.Session) bool {
			return s.ends(&concern{who: gs.Principal, session: gs.ID}) != gate.CodeUnset
		})
	}
}

// endRevoked ends the sessions whose credential was revoked, with their calls and streams: at every
// gateway, where they can go on at another. No answer that was kept before is given after it.
func (a *App) endRevoked() {
	a.forgetAnswers()
	if a.front != nil { // nil in a process that does not serve
		a.front.CloseThose(func(gs *gate.Session) bool { return a.gone(gs.Principal) })
	}
}

// forgetAnswers lets no answer of an upstream be given that was kept until now.
func (a *App) forgetAnswers() {
	if a.pool != nil { // as above
		a.pool.Forget()
	}
}

// gone tells whether a credential, or one that it is bound to, was revoked. What has expired or
// cannot be known is not: a session goes on with a later token of its principal's.
func (a *App) gone(who *gate.Principal) bool {
	for p := who; p != nil; p = p.Bound {
		if p.Realm == gate.RealmKeys && a.keys.Gone(p.Credential) {
			return true
		}
		if is, err := a.shared.isRevoked(p); is && err == nil {
			return true
		}
	}
	return false
}
