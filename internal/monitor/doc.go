// Package monitor watches what is recorded and raises alerts: sign-ins that fail,
// calls that are denied, much data, a principal that does what it never did, a
// canary that was seen, an audit log that is silent. app makes one Monitor and
// tells it of every record once it is written; monitor/delivery takes the alerts
// to people.
//
// The monitor never delays, refuses or changes an exchange, and never sees
// arguments, results or credentials: an Event has names, ids and numbers alone, and
// so have alerts (security case LOG-19). What it keeps is bounded; what it had no
// room for it counts, and raises an alert about that.
package monitor
