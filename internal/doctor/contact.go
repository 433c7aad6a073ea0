package doctor

import (
	"context"
	"net/http"
	"slices"
)

// contact is the first two questions of a client and what was answered: one in
// each era of the protocol. A nil answer was not asked for.
type contact struct {
	discover   *answer
	initialize *answer
}

// best is the answer that says most: one that let the client in, or one about
// the credential, or one that speaks MCP, or whatever came. Nil: none was asked.
func (c contact) best() *answer {
	asked := make([]*answer, 0, 2)
	for _, a := range []*answer{c.initialize, c.discover} {
		if a != nil {
			asked = append(asked, a)
		}
	}
	for _, good := range []func(*answer) bool{
		func(a *answer) bool { return a.message.ok() },
		func(a *answer) bool { return a.status == http.StatusUnauthorized || a.status == http.StatusForbidden },
		(*answer).mcp,
		func(a *answer) bool { return a.err == nil },
		func(*answer) bool { return true },
	} {
		for _, a := range asked {
			if good(a) {
				return a
			}
		}
	}
	return nil
}

// meet asks the target both questions. It is asked once: what is down or wants a
// credential in one era does so in the other.
func (e *exam) meet(ctx context.Context) contact {
	c := contact{discover: e.send(ctx, e.discover())}
	if c.discover.err != nil || c.discover.status == http.StatusUnauthorized {
		return c
	}
	c.initialize = e.send(ctx, e.initialize())
	if c.initialize.message.ok() {
		e.session = c.initialize.header.Get("Mcp-Session-Id")
	}
	return c
}

// admitted tells whether the client was let in.
func (e *exam) admitted() bool {
	a := e.contact.best()
	return a != nil && a.message.ok()
}

// notAdmitted is why a check that needs to be let in is skipped.
const notAdmitted = "the client was not let in"

// speaks tells whether the server lets a client in that speaks the era, and
// answers with a revision of it that there is.
func (e *exam) speaks(in era) bool {
	a := e.contact.initialize
	if in == stateless {
		a = e.contact.discover
	}
	if a == nil || !a.message.ok() {
		return false
	}
	if in == stateful {
		return slices.Contains(revisions(stateful), a.message.negotiated())
	}
	return slices.ContainsFunc(a.message.versions(), func(v string) bool { return slices.Contains(revisions(stateless), v) })
}

// revisions are the known revisions of the protocol that belong to an era.
func revisions(in era) []string {
	if in == stateless {
		return []string{string(stateless)}
	}
	return []string{"2024-11-05", "2025-03-26", "2025-06-18", string(stateful)}
}
