package config

import (
	"fmt"
	"net"
	"net/mail"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Monitor is what is watched for in what is recorded, and who is told.
type Monitor struct {
	// Rules are what is watched for. An alert is on record (alert.raised) and in the log, whoever else is told.
	Rules MonitorRules `yaml:"rules"`
	// Learn is how long a principal is learned from before anything that it does is unusual.
	Learn Duration `yaml:"learn"`
	// MinHistory is how many calls of it must have been carried out until then.
	MinHistory int `yaml:"min_history"`
	// CountBy are what limits are counted for too, beside the principal, or the address of whom nobody knows: addresses, tools over all who call them, tenants over all who belong to them.
	CountBy []string `yaml:"count_by" enum:"address tool tenant"`
	// Repeat is how long an alert stands: what follows about the same is counted, and told then as one alert. Of one rule there are at most ten alerts in that time; the rest becomes one, with the exact count. Each tenant with a receiver of its own is counted apart.
	Repeat Duration `yaml:"repeat"`
	// Alerts are those who are told of every alert. Nobody unless written.
	Alerts []Receiver `yaml:"alerts"`
	// Contain opens an incident when a rule raises an alert, and suspends what is named, for a time or until somebody releases it: principal or key (the caller's), address, upstream, or nothing. Later alerts about the same are in the same incident. failed_sign_ins takes address, limit_violations address, principal or key, security_events upstream (for a definition that changed), every other rule about callers principal or key. Neither this machine's own addresses nor trusted_proxies are ever suspended by a rule. No rule suspends anything unless written.
	Contain map[string]Measure `yaml:"contain" key:"rule"`
	// Rotation says at which age keys of Doorward's own are replaced. What is older counts against the share of secrets that are within their age. Secrets have a max_age of their own (secrets.NAME.max_age).
	Rotation Rotation `yaml:"rotation"`
}

// Rotation is the age at which each kind of key is replaced. 0s: such keys do not count.
type Rotation struct {
	// APIKeys that let somebody in: doorward key rotate.
	APIKeys Duration `yaml:"api_keys"`
	// AuditSigner is the key that signs the audit log's checkpoints: doorward audit replace-key.
	AuditSigner Duration `yaml:"audit_signer"`
	// AuditRoot is the key that seals the keys of persons: doorward audit replace-key --root.
	AuditRoot Duration `yaml:"audit_root"`
}

// MonitorRules are the rules, each with its limit, or whether it is on.
type MonitorRules struct {
	// FailedSignIns are credentials from one address (of IPv6 its /64) that were not good. Like every limit, so many within a time, or off.
	FailedSignIns Rate `yaml:"failed_sign_ins"`
	// DeniedCalls are calls of one principal that policy, an approver, a judge, a flow or a detector has refused, or of something that there is not.
	DeniedCalls Rate `yaml:"denied_calls"`
	// DataVolume is what one principal sends and gets.
	DataVolume Volume `yaml:"data_volume"`
	// LimitViolations are requests of one principal, or address, that were refused because they were too large or too many, and limits that one upstream's command met, each of which counts for five.
	LimitViolations Rate `yaml:"limit_violations"`
	// RepeatedCalls are calls of one principal of the same tool or prompt with the same arguments, whatever came of them: an agent that goes round in a circle.
	RepeatedCalls Rate `yaml:"repeated_calls"`
	// SecretsSent are calls of one principal that hold a credential in their arguments, let through or not.
	SecretsSent Rate `yaml:"secrets_sent"`
	// Canary tells when a planted value (doorward trust canary) was on its way out.
	Canary bool `yaml:"canary"`
	// SecurityEvents tells of a definition that changed, a lock that is not believed, a configuration that is refused, a name that imitates another, a secret that an upstream returns, what is one tenant's in an answer to another (trust.markers), a secret that is older than its max_age, an issuer whose keys or metadata are not good, an approver whom nobody knows, a copy of the audit log (audit.sinks) that fails, a log that cannot be pruned, checkpoints that are not taken outside (audit.checkpoint), an audit log that lost the end of a record or took none for a while.
	SecurityEvents bool `yaml:"security_events"`
	// UnusualTools tells of the first use of a tool, a prompt or an upstream by a principal that was learned.
	UnusualTools bool `yaml:"unusual_tools"`
	// UnusualVolume tells of an hour with more than 10MiB and ten times the bytes of the principal's busiest before.
	UnusualVolume bool `yaml:"unusual_volume"`
	// UnusualHours tells of a principal at an hour of the day, in UTC, at which it never was, nor an hour before or after.
	UnusualHours bool `yaml:"unusual_hours"`
	// NewNetworks tells of a principal from a network (/24, of IPv6 /48) that it never came from.
	NewNetworks bool `yaml:"new_networks"`
	// ScopeGrowth tells of a principal with a role or scope that it never had.
	ScopeGrowth bool `yaml:"scope_growth"`
	// DiskSpace tells when the disk that the audit log is on is 80, 90 and 95 percent full.
	DiskSpace bool `yaml:"disk_space"`
	// ClockStep tells when the machine's clock was moved by more than 5 seconds at once.
	ClockStep bool `yaml:"clock_step"`
	// AuditSilence is how long the audit log may take no records while there is something to record. 0s never tells.
	AuditSilence Duration `yaml:"audit_silence"`
	// VerifiedWithin is how long it may be since doorward audit verify has run. 0s never tells.
	VerifiedWithin Duration `yaml:"verified_within"`
}

// Receiver is who is told of alerts.
type Receiver struct {
	// Kind of the receiver: webhook gets the alert in JSON, signed like the notices of approvals; slack is an incoming webhook of Slack or of the same shape; email is a mailbox; exec a command, with the alert in JSON on its standard input.
	Kind string `yaml:"kind" enum:"webhook slack email exec"`
	// URL of a webhook or of slack: https, or http on loopback. Not written for slack: it is the secret.
	URL string `yaml:"url" type:"url"`
	// Secret of a webhook is what alerts are signed with, of slack the URL itself, of email the password.
	Secret string `yaml:"secret" type:"secret name"`
	// CA is the file with the certificates, PEM, that its certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
	// Server takes mail: host and port. At port 465 TLS begins at once, at every other with STARTTLS, without which mail goes to this machine alone.
	Server string `yaml:"server" type:"host and port"`
	// Username at the server. Not written: it asks for none.
	Username string `yaml:"username"`
	// From is the address that the mail comes from.
	From string `yaml:"from" type:"address"`
	// To are the addresses that it goes to.
	To []string `yaml:"to" type:"address"`
	// Command is the program and its arguments; no shell reads them, and its environment is a PATH alone.
	Command []string `yaml:"command"`
	// Timeout of a command.
	Timeout Duration `yaml:"timeout"`
	// Tenant whose alerts these are: the receiver is told of those about its people and about the tenant itself, and of no other. Not written: of every alert.
	Tenant string `yaml:"tenant"`
}

func defaultMonitor() Monitor {
	return Monitor{
		Rules: MonitorRules{
			FailedSignIns: Rate{N: 5, Per: Duration(time.Minute)}, DeniedCalls: Rate{N: 10, Per: Duration(time.Minute)},
			DataVolume:      Volume{Bytes: 100 << 20, Per: Duration(10 * time.Minute)},
			LimitViolations: Rate{N: 20, Per: Duration(time.Minute)}, RepeatedCalls: Rate{N: 100, Per: Duration(10 * time.Minute)}, SecretsSent: Rate{N: 1, Per: Duration(time.Hour)},
			Canary: true, SecurityEvents: true, UnusualTools: true, UnusualVolume: true, DiskSpace: true, ClockStep: true,
			AuditSilence: Duration(5 * time.Second), VerifiedWithin: Duration(aDay),
		},
		Learn: Duration(7 * aDay), MinHistory: 20, Repeat: Duration(5 * time.Minute),
		Rotation: Rotation{APIKeys: Duration(90 * aDay), AuditSigner: Duration(365 * aDay), AuditRoot: Duration(365 * aDay)},
	}
}

func (r *Receiver) setDefaults() { r.Timeout = Duration(10 * time.Second) }

// Bounds of the monitor's values.
const (
	maxLearn     = Duration(365 * aDay)
	maxHistory   = 1_000_000
	maxReceivers = 16
	maxExecTime  = Duration(time.Minute)
	maxMailboxes = 32
)

func (v *checker) monitor() {
	m := &v.c.Monitor
	if m.Learn > maxLearn {
		v.fault("monitor.learn", "must be at most %v", maxLearn)
	}
	if m.MinHistory < 0 || m.MinHistory > maxHistory {
		v.fault("monitor.min_history", "must be between 0 and %d", maxHistory)
	}
	if m.Repeat < minPer || m.Repeat > maxPer {
		v.fault("monitor.repeat", "must be between %v and %v", minPer, maxPer)
	}
	for i, kind := range m.CountBy {
		if slices.Contains(m.CountBy[:i], kind) {
			v.fault(fmt.Sprintf("monitor.count_by[%d]", i), "is there already")
		}
	}
	if d := m.Rules.AuditSilence; d > 0 && (d < minPer || d > maxPer) {
		v.fault("monitor.rules.audit_silence", "must be 0s, or between %v and %v", minPer, maxPer)
	}
	if d := m.Rules.VerifiedWithin; d > 0 && (d < Duration(time.Minute) || d > maxLearn) {
		v.fault("monitor.rules.verified_within", "must be 0s, or between 1m and %v", maxLearn)
	}
	if len(m.Alerts) > maxReceivers {
		v.fault("monitor.alerts", "has more than %d receivers", maxReceivers)
	}
	for i := range m.Alerts {
		v.receiver(fmt.Sprintf("monitor.alerts[%d]", i), &m.Alerts[i])
	}
	v.contain()
}

func (v *checker) receiver(path string, r *Receiver) {
	switch r.Kind {
	case "webhook":
		v.endpoint(path+".url", r.URL)
		v.reference(path+".secret", r.Secret)
	case "slack":
		v.slack(path, r)
	case "email":
		v.email(path, r)
	case "exec":
		if len(r.Command) == 0 || strings.TrimSpace(r.Command[0]) == "" {
			v.fault(path+".command", "must name a program")
		}
		if r.Timeout <= 0 || r.Timeout > maxExecTime {
			v.fault(path+".timeout", "must be above zero and at most %v", maxExecTime)
		}
	default:
		v.fault(path, "needs kind: webhook, slack, email or exec")
		return
	}
	v.strangers(path, r)
}

// strangers are keys that another kind has.
func (v *checker) strangers(path string, r *Receiver) {
	for _, k := range [...]struct {
		key, kinds string
		written    bool
	}{
		{"url", "webhook slack", r.URL != ""},
		{"secret", "webhook slack email", r.Secret != ""},
		{"ca", "webhook slack email", r.CA != ""},
		{"server", "email", r.Server != ""},
		{"username", "email", r.Username != ""},
		{"from", "email", r.From != ""},
		{"to", "email", r.To != nil},
		{"command", "exec", r.Command != nil},
	} {
		if k.written && !slices.Contains(strings.Fields(k.kinds), r.Kind) {
			v.fault(path+"."+k.key, "is not for kind %s", r.Kind)
		}
	}
}

func (v *checker) slack(path string, r *Receiver) {
	switch {
	case (r.URL == "") == (r.Secret == ""):
		v.fault(path, "needs either url, or secret: the name of the secret that is the URL")
	case r.URL != "":
		v.endpoint(path+".url", r.URL)
	default:
		v.reference(path+".secret", r.Secret)
	}
}

func (v *checker) email(path string, r *Receiver) {
	host, port, err := net.SplitHostPort(r.Server)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || !goodHost(host) {
		v.fault(path+".server", "must be a host and a port, such as smtp.example.com:587")
	}
	v.mailbox(path+".from", r.From)
	if len(r.To) == 0 || len(r.To) > maxMailboxes {
		v.fault(path+".to", "must name between 1 and %d addresses", maxMailboxes)
	}
	for i, to := range r.To {
		v.mailbox(fmt.Sprintf("%s.to[%d]", path, i), to)
	}
	if (r.Username == "") != (r.Secret == "") {
		v.fault(path, "has one of username and secret: the password is sent with a user name")
	} else if r.Secret != "" {
		v.reference(path+".secret", r.Secret)
	}
}

func goodHost(host string) bool {
	return host != "" && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/@<>"\`, r) })
}

// mailbox checks an address without a name, in ASCII: it stands in a mail's header.
func (v *checker) mailbox(path, s string) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' || r == '"' }) {
		v.fault(path, "must be an address, such as security@example.com")
	}
}

// absolute starts relative programs of receivers at the file's directory.
func (m *Monitor) absolute(dir string) {
	for i := range m.Alerts {
		if c := m.Alerts[i].Command; len(c) > 0 && strings.ContainsRune(c[0], filepath.Separator) && !filepath.IsAbs(c[0]) {
			c[0] = filepath.Join(dir, c[0])
		}
	}
}
