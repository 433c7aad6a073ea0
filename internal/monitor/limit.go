package monitor

import "time"

// Limit is so many within a length of time. The zero value is no limit: the rule is
// off.
type Limit struct {
	N   int64
	Per time.Duration
}

func (l Limit) on() bool { return l.N > 0 && l.Per > 0 }

// Settings are what is watched for. They never change; a reload makes others. The
// zero value watches nothing.
type Settings struct {
	FailedSignIns   Limit // of one address
	DeniedCalls     Limit // of one principal
	LimitViolations Limit // of one principal, or address
	RepeatedCalls   Limit // of one principal, with the same arguments
	SecretsSent     Limit // calls of one principal with a credential in their arguments
	DataVolume      Limit // bytes of one principal
	Canary          bool
	SecurityEvents  bool
	DiskSpace       bool // the disk that the audit log is on
	ClockStep       bool // of the machine

	// What a principal never did, once it was learned what it does.
	UnusualTools, UnusualVolume, UnusualHours, NewNetworks, ScopeGrowth bool
	// Learn is how long, and MinHistory how many calls, a principal is learned from
	// before anything is unusual.
	Learn      time.Duration
	MinHistory int64

	// AuditSilence is how long the audit log may be without a record while there is
	// something to record; VerifiedWithin how long it may be unverified. 0: for ever.
	AuditSilence, VerifiedWithin time.Duration

	// Tenants are those who are told of their own alerts. Few alerts of a rule pass for
	// each of them, whatever is raised about others.
	Tenants []string
	// CountBy are kinds of subjects that limits are counted for too.
	CountBy []string
	// Repeat is how long an alert stands for what follows: the next about the same
	// subject comes no sooner.
	Repeat time.Duration
}
