package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Weakened are the settings of a file that Parse has taken which ask for less than they would unless written, in the order of
// the reference: as faults are told, though each may be meant so. What is chosen from words, on or off counts; of numbers,
// as rates, times and sizes, only that they are off. Locate says where the file writes them. config check and check list them.
func (c *Config) Weakened() []Fault {
	w := weakened{usual: defaults()}
	if c.Listen.TLS.ClientCertificate == "optional" {
		w.add("listen.tls.client_certificate", "is optional: clients without a certificate are let in by other means")
	}
	w.identity(&c.Identity)
	if !c.BuiltInRole {
		w.roles(c.Roles)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Upstreams)) {
		u := c.Upstreams[name]
		w.upstream("upstreams."+name, &u)
	}
	w.trust(&c.Trust)
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		if s := c.Secrets[name]; !s.Required {
			w.add("secrets."+name+".required", "is false: Doorward starts without it, and what uses it fails")
		}
	}
	w.off("limits.per_address", c.Limits.PerAddress.Off, "one address may ask without end")
	w.off("limits.per_principal", c.Limits.PerPrincipal.Off, "one caller may call without end")
	w.audit(&c.Audit)
	w.watched(&c.Monitor.Rules)
	return w.found
}

// Locate says where the file writes what was found in it.
func Locate(data []byte, found []Fault) []Fault {
	at := written(data)
	all := make([]Fault, len(found))
	for i, f := range found {
		all[i] = at.locate(f)
	}
	return all
}

type weakened struct {
	usual Config
	found []Fault
}

func (w *weakened) add(path, format string, args ...any) {
	w.found = append(w.found, Fault{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (w *weakened) off(path string, off bool, so string) {
	if off {
		w.add(path, "is off: %s", so)
	}
}

// does tells of what is done with what a detector finds, where that is less than usual.
func (w *weakened) does(path, now, usual string) {
	const order = "allow warn hold wrap mask block" // of one setting never two of hold, wrap and mask
	if strings.Index(order, now) < strings.Index(order, usual) {
		w.add(path, "is %s, and %s unless written", now, usual)
	}
}

func (w *weakened) identity(id *Identity) {
	if id.Anonymous != nil {
		w.add("identity.anonymous", "lets every client on this machine in without a credential")
	}
	for i := range id.Issuers {
		if id.Issuers[i].OtherAudiences {
			w.add(fmt.Sprintf("identity.issuers[%d].other_audiences", i), "accepts tokens that other services may use, and bring here")
		}
	}
}

func (w *weakened) roles(all map[string]Role) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := all[name]
		w.rules("roles."+name+".allow", r.Allow, true)
		w.rules("roles."+name+".deny", r.Deny, false)
	}
}

// everything are the globs that open all of every upstream.
const everything = " ** */* */** **/* **/** "

func (w *weakened) rules(at string, rules []Rule, opens bool) {
	for i := range rules {
		r := &rules[i]
		path := fmt.Sprintf("%s[%d]", at, i)
		if r.Mode == "observe" {
			w.add(path+".mode", "is observe: it refuses nothing")
		}
		if !opens {
			continue
		}
		for _, of := range [...]struct {
			key   string
			globs []string
		}{{"tools", r.Tools}, {"resources", r.Resources}, {"prompts", r.Prompts}} {
			for j, glob := range of.globs {
				if strings.Contains(everything, " "+glob+" ") {
					w.add(fmt.Sprintf("%s.%s[%d]", path, of.key, j), "%s opens everything of every upstream, and what comes later", glob)
				}
			}
		}
	}
}

func (w *weakened) upstream(path string, u *Upstream) {
	if u.Findings == "keep" {
		w.add(path+".findings", "is keep: a document in which something grave is found is let in")
	}
	for i, rule := range u.AllowLaunch {
		w.add(fmt.Sprintf("%s.allow_launch[%d]", path, i), "has the command run against the launch rule %s", rule)
	}
	switch {
	case !u.Runs():
	case !u.Sandbox.Confined():
		w.add(path+".sandbox.kind", "is none: the command has Doorward's own rights")
	default:
		for i, layer := range u.Sandbox.AllowWeaker {
			w.add(fmt.Sprintf("%s.sandbox.allow_weaker[%d]", path, i), "lets the command run without %s", layer)
		}
	}
	if u.Sandbox.Lifetime == "shared" {
		w.add(path+".sandbox.lifetime", "is shared: one process has what all callers send it")
	}
}

func (w *weakened) trust(t *Trust) {
	usual := &w.usual.Trust
	if t.FirstUse != usual.FirstUse {
		w.add("trust.first_use", "is %s: whatever an upstream offers first is used, unseen", t.FirstUse)
	}
	for _, one := range [...]struct{ path, now, usual string }{
		{"findings.high", t.Findings.High, usual.Findings.High},
		{"findings.medium", t.Findings.Medium, usual.Findings.Medium},
		{"findings.low", t.Findings.Low, usual.Findings.Low},
		{"results.injection", t.Results.Injection, usual.Results.Injection},
		{"results.secrets", t.Results.Secrets, usual.Results.Secrets},
		{"results.personal_data", t.Results.PersonalData, usual.Results.PersonalData},
		{"arguments.secrets", t.Arguments.Secrets, usual.Arguments.Secrets},
		{"arguments.personal_data", t.Arguments.PersonalData, usual.Arguments.PersonalData},
	} {
		w.does("trust."+one.path, one.now, one.usual)
	}
	for _, pattern := range slices.Sorted(maps.Keys(t.Arguments.Except)) {
		w.add("trust.arguments.except."+pattern, "may be sent %s", strings.Join(t.Arguments.Except[pattern], " and "))
	}
	if t.Judge != nil && t.Judge.OnFailure == "ignore" {
		w.add("trust.judge.on_failure", "is ignore: a judge that does not answer has nothing against it")
	}
	w.off("trust.flows", t.Flows != nil && len(t.Flows) == 0, "nobody is asked before what was read leaves, or acts")
}

func (w *weakened) audit(a *Audit) {
	switch a.Arguments {
	case "none":
		w.add("audit.arguments", "is none: what was asked is not on record")
	case "hashed":
		w.add("audit.arguments", "is hashed: the record proves what was asked, and does not show it")
	case "plain":
		w.add("audit.arguments", "is plain: whoever reads the log reads what was asked")
	}
	for _, tool := range slices.Sorted(maps.Keys(a.Fields)) {
		for _, field := range slices.Sorted(maps.Keys(a.Fields[tool])) {
			if how := a.Fields[tool][field]; how != "sealed" {
				w.add("audit.fields."+tool+"."+field, "is %s, and sealed unless written", how)
			}
		}
	}
	if a.Identity == "plain" {
		w.add("audit.identity", "is plain: whoever reads the log reads who it was, and nobody can be erased from it")
	}
}

func (w *weakened) watched(r *MonitorRules) {
	for _, one := range [...]struct {
		name string
		off  bool
	}{
		{"failed_sign_ins", r.FailedSignIns.Off},
		{"denied_calls", r.DeniedCalls.Off},
		{"data_volume", r.DataVolume.Off},
		{"limit_violations", r.LimitViolations.Off},
		{"repeated_calls", r.RepeatedCalls.Off},
		{"secrets_sent", r.SecretsSent.Off},
		{"canary", !r.Canary},
		{"security_events", !r.SecurityEvents},
		{"unusual_tools", !r.UnusualTools},
		{"unusual_volume", !r.UnusualVolume},
		{"disk_space", !r.DiskSpace},
		{"clock_step", !r.ClockStep},
		{"audit_silence", r.AuditSilence == 0},
		{"verified_within", r.VerifiedWithin == 0},
	} {
		w.off("monitor.rules."+one.name, one.off, "it raises no alert")
	}
}
