package gate

import (
	"context"
	"net/netip"
)

// Stage judges one client message. It may refuse or hold, fills only its own
// part of the exchange, and never changes the message. An error refuses.
type Stage interface {
	Name() string
	Applies(Route) bool
	Judge(context.Context, *Exchange) (Verdict, error)
}

// ReplyStage judges one message on its way to the client: an answer, or a
// notification or request that came before it. It may return another message
// in its place; nil keeps the message. An error refuses.
type ReplyStage interface {
	Name() string
	Review(context.Context, *Exchange, *Message) (*Message, Verdict, error)
}

// Emit takes a message from the upstream, as it parsed it, into the reply
// stages and on to the client. The id and the progress token are still the
// upstream's: listen puts the client's back as it writes. An error means that
// the message was refused or the client is gone: the forwarder stops.
type Emit func(context.Context, *Message) error

// Forwarder carries out a call that every stage has let pass. It emits every
// message that comes back, in order, the final answer last, and returns once
// the call has ended. For a notification it emits nothing.
type Forwarder interface {
	Forward(context.Context, *Exchange, Emit) error
}

// Client is the client's end of an exchange; listen implements it. The
// pipeline calls it from one goroutine at a time per exchange.
type Client interface {
	// Deliver writes a message that passed every reply stage.
	Deliver(context.Context, *Exchange, *Message) error
	// Refuse writes the refusal or failure that ended the exchange. It is the
	// last call for that exchange, and never comes after a final message.
	Refuse(context.Context, *Exchange, Outcome) error
}

// Recorder writes the audit log. Both return once the record is durable (as
// durable as configured); an error refuses the exchange.
type Recorder interface {
	Intent(context.Context, *Exchange) error
	Outcome(context.Context, *Exchange, Outcome) error
	// Event records what is no client message: an upstream's unsolicited
	// message, a start of a child process, an act on the admin API.
	Event(context.Context, Event) error
}

// Event is something on record that is no exchange.
type Event struct {
	Kind  string // "upstream.start", "catalogue.read", "trust.approve", …
	Actor string // who did it, when no client did: "uid:1000", "doorward"
	// Principal is the client that did it, or that it is about; nil when there is none.
	// Only it and Remote tell of a person, and are sealed. The other fields never do, but
	// for the names that an operator gives to keys.
	Principal *Principal
	Remote    netip.Addr // the address that it is about
	Upstream  string
	Exchange  string // the exchange that led to it; may be empty
	Detail    string // bounded, printable
	Said      []byte // what is said of the principal beside; always sealed with their key, at most 32 KiB
	Status    string // "ok", "refused", "failed"; "begun" for an act, and "failed" again when it did
}

// Outcome is how an exchange ended. The zero value is a refusal.
type Outcome struct {
	Verdict Verdict // Continue when it was carried out
	Stage   string  // which stage refused; empty when none did
	Err     error   // the failure, when it failed; for the log only
	Status  string  // "ok", "error" (the upstream's own), "refused", "failed"
	Intent  bool    // whether an intent was recorded before it
}
