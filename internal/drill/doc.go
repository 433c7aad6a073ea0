// Package drill exercises the response to incidents on real parts and without a
// network: two gateways that share their state, an upstream, clients of which some
// attack, and whoever is paged. `doorward incident drill` runs it, and so does CI.
//
// It touches loopback and a directory of its own, which it removes, and never a
// gateway that somebody runs.
package drill
