package monitor

import (
	"net/netip"
	"slices"
)

// principalOf is who acted.
func principalOf(e *Event) (Subject, bool) {
	if e.Who == nil {
		return Subject{}, false
	}
	return Subject{Kind: OfPrincipal, Value: e.Who.Subject, Realm: e.Who.Realm, Tenant: e.Who.Tenant}, true
}

// networkBits is how much of an IPv6 address names one customer: whoever has one
// address has all of its /64 (RFC 6177).
const networkBits = 64

// addressOf is where a client is: its IPv4 address, or the /64 of its IPv6 address.
func addressOf(e *Event) (Subject, bool) {
	a := e.Address.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return Subject{}, false
	case a.Is4() || a.IsLoopback():
		return Subject{Kind: OfAddress, Value: a.String()}, true
	}
	return Subject{Kind: OfAddress, Value: netip.PrefixFrom(a, networkBits).Masked().String()}, true
}

// Whose is the tenant whose alone a subject is: of one of its people, of itself, or of
// several of these. Others may be in everything else, which is of none.
func (s Subject) Whose() string {
	switch s.Kind {
	case OfPrincipal, OfMany:
		return s.Tenant
	case OfTenant:
		return s.Value
	}
	return ""
}

// callerOf is the principal, or the address of whom nobody knows.
func callerOf(e *Event) (Subject, bool) {
	if s, ok := principalOf(e); ok {
		return s, true
	}
	return addressOf(e)
}

func toolOf(e *Event) (Subject, bool) {
	return Subject{Kind: OfTool, Value: e.Upstream + "/" + e.Tool}, e.Tool != ""
}

func tenantOf(e *Event) (Subject, bool) {
	if e.Who == nil || e.Who.Tenant == "" {
		return Subject{}, false
	}
	return Subject{Kind: OfTenant, Value: e.Who.Tenant}, true
}

func upstreamOf(e *Event) (Subject, bool) {
	if e.Upstream == "" {
		return gatewayOf(e)
	}
	return Subject{Kind: OfUpstream, Value: e.Upstream}, true
}

func gatewayOf(*Event) (Subject, bool) { return Subject{Kind: OfGateway}, true }

// further are the subjects that a limit is counted for beside the first.
func further(e *Event, first Subject, kinds []string, each func(Subject)) {
	for _, k := range [...]struct {
		kind string
		of   func(*Event) (Subject, bool)
	}{{OfAddress, addressOf}, {OfTool, toolOf}, {OfTenant, tenantOf}} {
		if k.kind == first.Kind || !slices.Contains(kinds, k.kind) {
			continue
		}
		if s, ok := k.of(e); ok {
			each(s)
		}
	}
}
