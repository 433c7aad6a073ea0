// Package delivery takes alerts to people: to a signed webhook, a Slack channel, a
// mailbox or a command. app makes one Deliverer and hands it what the monitor raises.
//
// An alert waits in memory and in a file of its own until each receiver has taken it:
// tries are repeated with growing waits, over restarts, and always under the alert's
// id, by which a receiver knows what it has already. One receiver waits for no other,
// and nothing waits for any of them.
//
// The package never logs what a receiver answers, nor a secret, nor an address that
// may hold one.
package delivery
