package delivery

import "doorward/internal/monitor"

// ofTenant is a receiver of one tenant's alerts.
type ofTenant struct {
	Receiver
	tenant string
}

// OfTenant makes a receiver one that is told of a tenant's alerts alone: those about its
// people, and about the tenant itself. What is about several, an address, a tool, an
// upstream or the gateway is not for it, for others may be in that.
func OfTenant(r Receiver, tenant string) Receiver { return ofTenant{r, tenant} }

// Place is another than where the same receiver is told of everything.
func (r ofTenant) Place() Place {
	p := r.Receiver.Place()
	p.At += "\ntenant\n" + r.tenant
	return p
}

// takes tells whether an alert is for a receiver.
func takes(r Receiver, a *monitor.Alert) bool {
	one, bound := r.(ofTenant)
	if !bound {
		return true
	}
	switch a.Subject.Kind {
	case monitor.OfPrincipal:
		return a.Subject.Tenant == one.tenant
	case monitor.OfTenant:
		return a.Subject.Value == one.tenant
	}
	return a.Rule == monitor.RuleTest
}
