package gate

import (
	"net/netip"
	"time"
)

// Budget is one limit that an exchange counts against, and whose: at most so many units
// in any span of a length. Two budgets are the same when their Limit, Per, Who's Key,
// From and Of are.
type Budget struct {
	Limit string       // as the configuration has it: "per_principal", "per_tool github/create_*", "quota.calls"
	Who   *Principal   // the caller whose own it is; nil: it is no single caller's
	From  netip.Prefix // the network that it counts; zero for every other limit
	Of    string       // what else names it: a key's id, a tenant, an upstream, a profile

	Most int64         // units in any span of Per, at least 1
	Per  time.Duration // at least a second
	Cost int64         // units that the exchange takes, from 0
	Unit int64         // units of one that people count: a call, a byte; at least 1

	Lasting bool // it outlives the process: a quota
}

// Standing is how a budget stands once a decision was made.
type Standing struct {
	Left int64         // units that are left, from 0
	Wait time.Duration // until its cost can be taken; 0: it could
	Next time.Duration // until more is left than now; 0: all is left
}

// Allowance is what a caller is told of the budget that leaves them least.
type Allowance struct {
	Limit string // empty: there is none
	// Most in any span of Per and Left are in what people count; zero where the budget
	// is not the caller's alone: what others have taken is nobody's business.
	Most, Left int64
	Per        time.Duration
	Wait       time.Duration // until the refused exchange could pass; 0: it was not refused
	Next       time.Duration // until more is left
}

// WholeSeconds rounds up: who waits for that long has waited long enough.
func WholeSeconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Second - 1) / time.Second)
}
