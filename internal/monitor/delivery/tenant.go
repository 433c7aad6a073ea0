package delivery

import "doorward/internal/monitor"

// ofTenant is a receiver of one tenant's alerts.
type ofTenant struct {
	Receiver
	tenant string
}

// OfTenant makes a receiver one that is told of a tenant's alerts alone: those about its
// people, about the tenant itself, and about several of these. What is about an address, a tool, an
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
	return a.Subject.Whose() == one.tenant || a.Rule == monitor.RuleTest
}
