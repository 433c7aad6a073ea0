// Package evidence is what an incident leaves behind: a bundle of the records that
// prove what happened, and a report for the review. cli and the drill gather what goes
// in and call it.
//
// A bundle stands without the gateway: Verify needs no log, no network and no key but
// the public one. The package opens nothing that is sealed, and decides nothing.
package evidence
