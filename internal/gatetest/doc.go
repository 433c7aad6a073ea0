// Package gatetest runs a whole gateway inside a test: the real app on a real
// port, upstreams that record every byte and can misbehave, servers of the
// official SDK, identity providers that can lie, hang and die, and clients of both
// eras that can say what no proper client would.
//
// Tests call it, and nothing else does. It never mocks a part of Doorward, never
// sleeps, and holds every gateway that it starts to the invariants of
// security.md §0 when the test ends: no panic, an audit log that verifies,
// no secret on disk, in the log, in the metrics, in a refusal or at an upstream,
// nothing executed without an intent, nothing answered without an outcome.
package gatetest
