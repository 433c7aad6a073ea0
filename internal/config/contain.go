package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Measure is what is suspended when a rule raises an alert, and for how long: "address
// 15m"; without a time until somebody releases it. The zero value was not written.
type Measure struct {
	What string
	For  Duration // 0: until it is released
}

// measures are what can be suspended by rules, and nothing: then an incident is opened,
// and that is all.
const measureNothing = "nothing"

// Bounds of the time of a measure.
const (
	minMeasure = Duration(time.Minute)
	maxMeasure = Duration(30 * aDay)
)

var errMeasure = errors.New(`must be principal, key, address, upstream or nothing, and a time from 1m to 30d or none: such as "address 15m"`)

// UnmarshalText reads a word, and after it a time.
func (m *Measure) UnmarshalText(text []byte) error {
	*m = Measure{}
	words := strings.Fields(string(text))
	if len(words) == 0 || len(words) > 2 || !slices.Contains([]string{"principal", "key", "address", "upstream", measureNothing}, words[0]) {
		return errMeasure
	}
	if len(words) == 2 {
		if words[0] == measureNothing || m.For.UnmarshalText([]byte(words[1])) != nil || m.For < minMeasure || m.For > maxMeasure {
			*m = Measure{}
			return errMeasure
		}
	}
	m.What = words[0]
	return nil
}

// String is the form that the file has.
func (m Measure) String() string {
	if m.For == 0 {
		return m.What
	}
	return m.What + " " + brief(m.For)
}

// measured are the rules that can suspend something, and what: only what the alert has
// made sure of, and never what somebody else would be shut out by. Of a failed sign-in
// nobody knows who it was, so that it is the address; a tool, an upstream and a tenant
// are others', and an upstream is suspended for its own changes alone.
func (m *Monitor) measured(rule string) (what []string, on bool) {
	r := &m.Rules
	switch rule {
	case "failed_sign_ins":
		return []string{"address"}, !r.FailedSignIns.Off
	case "limit_violations":
		return []string{"principal", "key", "address"}, !r.LimitViolations.Off
	case "security_events":
		return []string{"upstream"}, r.SecurityEvents
	}
	callers := []string{"principal", "key"}
	switch rule {
	case "denied_calls":
		return callers, !r.DeniedCalls.Off
	case "data_volume":
		return callers, !r.DataVolume.Off
	case "repeated_calls":
		return callers, !r.RepeatedCalls.Off
	case "secrets_sent":
		return callers, !r.SecretsSent.Off
	case "canary":
		return callers, r.Canary
	case "unusual_tools":
		return callers, r.UnusualTools
	case "unusual_volume":
		return callers, r.UnusualVolume
	case "unusual_hours":
		return callers, r.UnusualHours
	case "new_networks":
		return callers, r.NewNetworks
	case "scope_growth":
		return callers, r.ScopeGrowth
	}
	return nil, false
}

func (v *checker) contain() {
	m := &v.c.Monitor
	for rule, measure := range m.Contain {
		what, on := m.measured(rule)
		path := "monitor.contain." + rule
		switch {
		case what == nil:
			v.fault(path, "is no rule that something can be suspended by")
		case !on:
			v.fault(path, "needs the rule: monitor.rules.%s is off", rule)
		case measure.What == "": // it has a fault already
		case measure.What != measureNothing && !slices.Contains(what, measure.What):
			v.fault(path, "must be %s or nothing: somebody else could be shut out by it", strings.Join(what, ", "))
		}
	}
}
