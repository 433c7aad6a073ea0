package config

import (
	"fmt"
	"time"
)

// Retain is how long records stay in the audit log, by class. A single duration is that
// of all.
type Retain struct {
	// Calls of tools, prompts, resources and tasks.
	Calls Duration `yaml:"calls"`
	// Lists, greetings and notifications: exchanges about nothing in particular.
	Lists Duration `yaml:"lists"`
	// SignIns that were refused, and requests that were turned away before anybody was known.
	SignIns Duration `yaml:"sign_ins"`
	// Events are what is no exchange: acts of operators, approvals, changes, alerts, copies. What the log needs for its own proofs, erasures and legal holds stays for good.
	Events Duration `yaml:"events"`
}

// LeastRetain is what the EU AI Act asks providers and deployers of high-risk systems to
// keep logs for at least, six months (articles 19 and 26(6)), counted by the longest.
const LeastRetain = Duration(184 * aDay)

// Bounds of retention. Below a day, nobody could look into what happened yesterday.
const (
	minRetain = Duration(aDay)
	maxRetain = Duration(36500 * aDay)
)

func defaultRetain() Retain {
	const keep = Duration(400 * aDay)
	return Retain{Calls: keep, Lists: keep, SignIns: keep, Events: keep}
}

// UnmarshalWhole reads the one duration of all classes.
func (r *Retain) UnmarshalWhole(text []byte) error {
	var d Duration
	if err := d.UnmarshalText(text); err != nil {
		return err
	}
	*r = Retain{Calls: d, Lists: d, SignIns: d, Events: d}
	return nil
}

// each yields the classes by name.
func (r *Retain) each(yield func(class string, keep Duration) bool) {
	_ = yield("calls", r.Calls) && yield("lists", r.Lists) && yield("sign_ins", r.SignIns) && yield("events", r.Events)
}

// ByClass is how long each class is kept, by its name.
func (r *Retain) ByClass() map[string]time.Duration {
	out := map[string]time.Duration{}
	for class, keep := range r.each {
		out[class] = time.Duration(keep)
	}
	return out
}

func (v *checker) retain() {
	for class, keep := range v.c.Audit.Retain.each {
		if keep < minRetain || keep > maxRetain {
			v.fault("audit.retain."+class, "must be from %s to %s", minRetain, maxRetain)
		}
	}
}

// Short are the classes of records that are kept for less than LeastRetain.
func (r *Retain) Short() (classes []string) {
	for class, keep := range r.each {
		if keep < LeastRetain {
			classes = append(classes, class)
		}
	}
	return classes
}

// Warnings are what a file may say and should not. config check says so, and the gateway at its start and at each
// reload.
func (c *Config) Warnings() (all []string) {
	if c.Listen.TLS.TerminatedBy != "" && len(c.Listen.TrustedProxies) == 0 {
		all = append(all, "listen.trusted_proxies does not say who the proxy of tls.terminated_by is: every client has its address, and who guesses credentials has all of them refused (limit.address)")
	}
	for _, class := range c.Audit.Retain.Short() {
		all = append(all, fmt.Sprintf("audit.retain.%s is less than %s: logs of AI systems are to be kept for six months at least (EU AI Act, articles 19 and 26(6))", class, LeastRetain))
	}
	return all
}
