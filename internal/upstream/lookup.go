package upstream

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// lookup is a call whose answer may be one that is kept.
type lookup struct {
	own, public answerKey // for its principal alone, and for everybody of the tenant
	unfiltered  bool      // nothing of the principal's own reaches the upstream, so a public answer is one
	likely      bool      // its answer is one of those that upstreams say how long to keep
	exchange    string
	version     answerVersion
	asked       time.Time
	asking      *asking   // that others wait for; nil where none can
	held        answerKey // of asking
}

// keeps tells whether the answer to a call may be one that is kept: a resource's text, or
// the result of a tool of which a person has approved that it changes nothing
// (annotations.readOnlyHint). What people agreed to is carried out, and so is what goes
// on with a call from before. Where something of the client's own goes with the call, or
// is made for it (I9), nothing is.
func (s *server) keeps(ex *gate.Exchange) bool {
	r := &ex.Call.Route
	switch {
	case !s.eras[gate.Stateless].spoken.Load(): // which alone says how long
		return false
	case s.set.PerCall, len(s.ownKeys) > 0, leaseOf(s.set.Credential.Secret) != "":
		return false
	case r.Method != methodCall && r.Method != methodRead:
		return false
	case ex.Approved != "" || ex.Confirm != nil || ex.Bare || ex.Principal == nil:
		return false
	}
	for _, resumed := range [...]string{"requestState", "inputResponses", "task"} {
		if _, ok := ex.Call.Message.Field(resumed); ok {
			return false
		}
	}
	return again(ex)
}

// lookup is what is looked up for a call that keeps has let pass.
func (s *server) lookup(ex *gate.Exchange, began time.Time) lookup {
	q := lookup{
		exchange: ex.ID, asked: began, likely: ex.Call.Route.Method == methodRead,
		unfiltered: s.wire != nil || s.set.Shared,
		version:    s.answerVersion(),
	}
	var room [2 << 10]byte
	b := s.appendQuestion(room[:0], ex)
	q.public = sha256.Sum256(b)
	q.own = sha256.Sum256(appendAuthority(append(room[:0], q.public[:]...), ex.Principal))
	return q
}

// appendQuestion appends all that the upstream's answer can rest on but who asks: the
// thing as it was approved, the client's era and what it says it can do, and every byte
// of the params but what differs from call to call. The parts are length-prefixed, and what
// there may be more or less of begins with a letter, so that no two questions are one text.
// What is a tenant's never becomes another's (security case TEN-06).
func (s *server) appendQuestion(b []byte, ex *gate.Exchange) []byte {
	b = appendParts(b, s.set.Name, ex.Principal.Tenant, ex.Call.Route.Method, ex.Call.Version)
	b = append(b, byte(ex.Call.Era))
	if it := ex.Target.Item; it != nil {
		b = append(append(appendParts(append(b, 'i'), it.Name), byte(it.Kind)), it.Digest[:]...)
	}
	m := ex.Call.Message
	for i := range m.Fields {
		if f := &m.Fields[i]; f.Name != "_meta" {
			b = appendPart(appendParts(append(b, 'f'), f.Name), m.Bytes(f.Value))
		}
	}
	for i := range m.Meta {
		switch f := &m.Meta[i]; f.Name {
		case mcp.MetaProgress, "traceparent", "tracestate":
		default:
			b = appendPart(appendParts(append(b, 'm'), f.Name), m.Bytes(f.Value))
		}
	}
	if ex.Call.Session != nil {
		b = appendPart(append(b, 's'), ex.Call.Session.Capabilities)
	}
	return appendParamHeaders(append(b, 'h'), ex)
}

// appendParamHeaders appends the parameters in headers, some of which the body need not
// have.
func appendParamHeaders(b []byte, ex *gate.Exchange) []byte {
	has := false
	for name := range ex.Inbound.Header {
		has = has || strings.HasPrefix(name, paramPrefix)
	}
	if !has || ex.Grant.Judged { // then none of those that nobody judged goes upstream
		return b
	}
	for _, name := range slices.Sorted(maps.Keys(ex.Inbound.Header)) {
		if strings.HasPrefix(name, paramPrefix) {
			b = appendParts(appendCount(appendParts(b, name), len(ex.Inbound.Header[name])), ex.Inbound.Header[name]...)
		}
	}
	return b
}

// appendAuthority appends who asks and with what authority: "different token, different
// cache" (2026-07-28, caching). What is public of a credential stands for it, and where
// it has no id, all that it grants and when it ends.
func appendAuthority(b []byte, p *gate.Principal) []byte {
	b = appendParts(b, p.Method, p.Realm, p.Tenant, p.Subject, p.Credential, p.Client)
	if p.Bound != nil {
		b = appendParts(append(b, 'b'), p.Bound.Realm, p.Bound.Subject)
	}
	if !p.Expires.IsZero() {
		b = binary.BigEndian.AppendUint64(append(b, 'e'), uint64(p.Expires.UnixNano()))
	}
	for i, list := range [...][]string{p.Groups, p.Scopes, p.Roles} {
		b = appendParts(appendCount(append(b, byte(i)), len(list)), list...)
	}
	b = appendCount(b, len(p.Act))
	for i := range p.Act {
		b = appendParts(append(b, 'a'), p.Act[i].Subject, p.Act[i].Issuer, p.Act[i].Client)
	}
	return b
}

func appendCount(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(n)) //nolint:gosec // bounded by the message
}

func appendParts(b []byte, parts ...string) []byte {
	for _, s := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) //nolint:gosec // bounded by the message
	}
	return b
}

func appendPart(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...) //nolint:gosec // bounded by the message
}
